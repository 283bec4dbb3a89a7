use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::send::testing::{HUGE, MadeUpSchema};

/// A server's types, each of which holds others. A message is names of them with commas between.
struct Types {
    /// What it tells; of others it says that they are not found.
    told: BTreeMap<&'static str, Vec<&'static str>>,
    /// What was asked for, each time.
    asked: Mutex<Vec<Vec<String>>>,
    /// Whether it does not tell in time.
    is_silent: bool,
    /// Whether it tells all of them, whatever was asked for: as one that has them in one file.
    tells_all: bool,
}

#[test]
fn of_a_method_that_is_not_known_it_is_said_what_could_not_be_read() {
    use crate::send::desk::call::no_such_method;
    use crate::send::draft::SchemaFrom;

    let said = |notes: &[&str], from: &SchemaFrom| {
        let known = notes.iter().fold(MadeUpSchema::default(), |known, note| known.with_note(*note));
        no_such_method(&known, from, "shop.Orders/Place").reason
    };
    let unknown = "of no method shop.Orders/Place; choose one that it tells of";
    assert_eq!(said(&[], &SchemaFrom::Reflection), format!("the server tells {unknown}"));
    let broken = "orders.proto was left out: nobody has shop.Order";
    assert_eq!(said(&[broken], &SchemaFrom::Reflection), format!("the server tells {unknown}. Part of the schema could not be read: {broken}"));
    let files = SchemaFrom::Protos { files: Vec::new(), roots: Vec::new() };
    assert_eq!(said(&[broken, "b"], &files), format!("the schema knows {unknown}. 2 parts of the schema could not be read, the first: {broken}"));
}

impl Types {
    fn ask(&self, types: Vec<String>) -> Asked {
        self.asked.lock().push(types.clone());
        if self.is_silent {
            return Box::pin(std::future::ready(Err("the server did not tell it in time".to_owned())));
        }
        let mut known = MadeUpSchema::default();
        let all = self.tells_all.then(|| self.told.keys().map(ToString::to_string));
        for name in types.into_iter().chain(all.into_iter().flatten()) {
            known = match self.told.get(name.as_str()) {
                Some(holds) => known.that_knows(name, holds),
                None => known.with_note(format!("the type {name} is needed, and the server does not tell it: NotFound (no such thing)")),
            };
        }
        Box::pin(std::future::ready(Ok(Arc::new(known) as Arc<dyn MethodSchema>)))
    }
}

fn types(told: &[(&'static str, &[&'static str])]) -> Arc<Types> {
    Arc::new(Types { told: told.iter().map(|(name, holds)| (*name, holds.to_vec())).collect(), asked: Mutex::default(), is_silent: false, tells_all: false })
}

/// What is shown in the end of messages, and of details behind them.
async fn read(types: &Arc<Types>, messages: &[&str], details: &str, by_reflection: bool) -> (Vec<String>, Vec<(String, String)>, usize) {
    let live = Live::default();
    let empty = Arc::new(MadeUpSchema::default());
    let (later, unread) = queue();
    let asked = Arc::clone(types);
    let asking = Asking { types: vec!["sent".to_owned()], ask: Box::new(move |types| asked.ask(types)) };
    let learnt = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&learnt);
    let rereading = Rereading {
        live: live.clone(),
        method: "a.B/C".to_owned(),
        schema: empty.clone(),
        asking: by_reflection.then_some(asking),
        learnt: Box::new(move |_| *counted.lock() += 1),
    };
    for message in messages {
        let bytes = Bytes::copy_from_slice(message.as_bytes());
        let read = empty.decode("", false, &bytes).expect("read");
        show_message(&live, Some(&later), read, bytes, 0);
    }
    let bytes = Bytes::copy_from_slice(details.as_bytes());
    if !details.is_empty() {
        details_later(Some(&later), &empty.details(&bytes), &bytes);
    }
    drop(later);
    rereading.run(unread).await;
    let answer = live.answer_now();
    let num_learnt = *learnt.lock();
    (answer.messages.into_iter().map(|message| message.text).collect(), answer.details, num_learnt)
}

#[tokio::test]
async fn what_only_an_answer_holds_is_asked_for_with_all_that_it_holds_and_the_rest_says_why_not() {
    let types = types(&[("a", &["b", "x"]), ("b", &["c"]), ("c", &[])]);
    let (messages, details, num_learnt) = read(&types, &["a", "c"], "b,y", true).await;
    let x = "x: the server does not tell it: NotFound (no such thing)";
    assert_eq!(messages, [format!("a b c ?\n// {x}"), "c".to_owned()]);
    let y = "?\n// y: the server does not tell it: NotFound (no such thing)".to_owned();
    assert_eq!(details, [("b".to_owned(), "b c".to_owned()), ("y".to_owned(), y)]);
    assert_eq!(num_learnt, types.asked.lock().len());
    // What the request needed is asked for each time, so that what is learnt serves the next one, too.
    let asked: Vec<String> = types.asked.lock().iter().map(|names| names.join(" ")).collect();
    assert_eq!(asked, ["sent a b c y", "sent a b c x y"]);
}

#[tokio::test]
async fn who_does_not_tell_in_time_is_not_asked_again() {
    let silent = Arc::new(Types { told: BTreeMap::new(), asked: Mutex::default(), is_silent: true, tells_all: false });
    let (messages, _, num_learnt) = read(&silent, &["a", "b"], "", true).await;
    assert_eq!(messages, ["?\n// a: the server did not tell it in time", "?\n// b: the server did not tell it in time"]);
    assert_eq!((num_learnt, silent.asked.lock().len()), (0, 1));
}

#[tokio::test]
async fn who_names_types_without_end_is_asked_for_some() {
    // Each message of as many as wait names another type, and each type holds one more.
    let deep: Vec<(&'static str, &'static [&'static str])> =
        vec![("a0", &["a1"]), ("a1", &["a2"]), ("a2", &["a3"]), ("a3", &["a4"]), ("a4", &["a5"]), ("a5", &["a6"]), ("a6", &["a7"]), ("a7", &[])];
    let types = types(&deep);
    let (messages, _, num_learnt) = read(&types, &["a0"], "", true).await;
    assert_eq!(num_learnt, ROUNDS_MAX);
    assert_eq!(messages, [format!("a0 a1 a2 a3 a4 a5 ?\n// a6: the server is asked {ROUNDS_MAX} times at most because of one answer")]);
    let names: Vec<String> = (0..WAITING_MAX + 5).map(|number| format!("t{number:02}")).collect();
    let messages: Vec<&str> = names.iter().map(String::as_str).collect();
    let types = self::types(&[]);
    let (shown, _, _) = read(&types, &messages, "", true).await;
    let num = |why: &str| shown.iter().filter(|text| text.contains(why)).count();
    let told = [num("NotFound"), num("types of one answer are asked for at most"), num("too many messages hold what is not known")];
    assert_eq!(told, [TYPES_MAX, WAITING_MAX - TYPES_MAX, 5], "{shown:?}");
    assert!(types.asked.lock().iter().all(|asked| asked.len() <= TYPES_MAX + 1));
}

#[tokio::test]
async fn what_cannot_be_read_with_all_that_is_known_by_now_ends_it() {
    let names: Vec<&'static str> = (0..TYPES_MAX + 8).map(|number| &*format!("t{number:02}").leak()).collect();
    let told = names.iter().copied().chain([HUGE]).map(|name| (name, Vec::new())).collect();
    let types = Arc::new(Types { told, asked: Mutex::default(), is_silent: false, tells_all: true });
    let message = format!("{HUGE},{}", names.join(","));
    let messages = [message.as_str()];
    let read = read(&types, &messages, "", true);
    let (messages, ..) = tokio::time::timeout(Duration::from_secs(30), read).await.expect("it ends");
    assert!(messages[0].starts_with("? ? ?"), "it stays as it was shown first: {messages:?}");
    assert_eq!(types.asked.lock().len(), 1);
}

#[tokio::test]
async fn where_files_tell_or_a_message_is_long_nobody_is_asked() {
    let types = types(&[("a", &[])]);
    let (messages, ..) = read(&types, &["a"], "", false).await;
    assert_eq!(messages, ["?\n// a: the files that tell what methods take do not have it"]);
    let long = format!("a{}", ",a".repeat(BYTES_MAX / 2));
    let (messages, ..) = read(&types, &[&long], "", true).await;
    assert!(messages[0].ends_with("// a: the message is too long to be read again, so the server is not asked for it"));
    assert!(types.asked.lock().is_empty());
}

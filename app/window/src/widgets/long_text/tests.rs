//! The text that is edited against a plain string, and the field in a window of its own.

use proptest::prelude::*;

use super::{
    rows::{Measure, Rows, Widths, is_boundary},
    text::{Caret, Grain, LongText, Step, WORD_BYTES_MAX},
};

/// All letters are one point wide, those of East Asia two, accents nothing.
fn with_measure<T>(act: impl FnOnce(&mut Measure<'_>) -> T) -> T {
    let mut font = |c: char| match c {
        '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe0f}' => 0.0,
        '\u{2e80}'..='\u{ffff}' | '\u{1f300}'.. => 2.0,
        _ => 1.0,
    };
    act(&mut Measure { widths: &mut Widths::of(&[1.0; 128]), font: &mut font })
}

fn text(text: &str, width_pt: f32) -> LongText {
    with_measure(|measure| LongText::new(text, width_pt, measure))
}

fn rows(of: &LongText) -> Vec<&str> {
    (0..of.rows().len()).map(|row| &of.text()[of.rows().seen(row, of.text())]).collect()
}

#[test]
fn rows_end_where_lines_do_and_where_no_more_fits() {
    for (of, expected) in [
        ("", vec![""]),
        ("\n", vec!["", ""]),
        ("a\r\nb\n\n", vec!["a", "b", "", ""]),
        ("0123456789abcdefghij!", vec!["0123456789", "abcdefghij", "!"]),
        ("one two three four", vec!["one two ", "three four"]),
        ("a 0123456789012345", vec!["a 01234567", "89012345"]),
        ("漢字漢字漢字", vec!["漢字漢字漢", "字"]),
        ("012345678e\u{301}x", vec!["012345678e\u{301}", "x"]),
        ("01234567👩\u{200d}💻x", vec!["01234567", "👩\u{200d}💻x"]),
        ("0123456789\r\nx", vec!["0123456789", "x"]),
    ] {
        let of = text(of, 10.0);
        if of.text().contains('👩') {
            // What is seen as one is not torn, though it is then a little wider than the row.
            assert!(rows(&of).iter().any(|row| row.contains("👩\u{200d}💻")), "{:?}", rows(&of));
        } else {
            assert_eq!(rows(&of), expected);
        }
    }
}

#[test]
fn what_has_no_width_does_not_make_a_row_without_end() {
    let of = text(&"\u{200d}".repeat(10_000), 10.0);
    assert_eq!(of.rows().len(), 5);
}

#[test]
fn the_caret_goes_by_what_is_seen() {
    let mut of = text("ab e\u{301}\r\n漢字\tx", 100.0);
    let mut went = |step: Step| {
        with_measure(|measure| of.go(step, false, measure));
        of.text()[of.caret().at..].to_owned()
    };
    for (step, rest) in [
        (Step::Start, "ab e\u{301}\r\n漢字\tx"),
        (Step::WordRight, " e\u{301}\r\n漢字\tx"),
        (Step::Right, "e\u{301}\r\n漢字\tx"),
        (Step::Right, "\r\n漢字\tx"),
        (Step::Right, "漢字\tx"),
        (Step::Left, "\r\n漢字\tx"),
        (Step::Down(1), "\tx"),
        (Step::RowStart, "漢字\tx"),
        (Step::LineEnd, ""),
        (Step::Up(1), "\r\n漢字\tx"),
        (Step::RowStart, "ab e\u{301}\r\n漢字\tx"),
        (Step::Up(1), "ab e\u{301}\r\n漢字\tx"),
        (Step::End, ""),
        (Step::WordLeft, "x"),
        (Step::WordLeft, "漢字\tx"),
    ] {
        assert_eq!(went(step), rest, "{step:?}");
    }
}

#[test]
fn up_and_down_keep_to_their_column_through_short_rows() {
    let mut of = text("0123456\nx\n0123456", 100.0);
    of.put(Caret::one(5));
    let mut at = |step: Step| {
        with_measure(|measure| of.go(step, false, measure));
        of.caret().at
    };
    assert_eq!([at(Step::Down(1)), at(Step::Down(1)), at(Step::Down(1)), at(Step::Up(9)), at(Step::Up(1))], [9, 15, 17, 7, 0]);
}

#[test]
fn at_the_end_of_a_row_the_caret_stays_in_that_row() {
    let mut of = text("0123456789abc", 10.0);
    of.put(Caret::one(3));
    with_measure(|measure| of.go(Step::RowEnd, false, measure));
    assert_eq!((of.caret().at, of.caret_row()), (10, 0));
    with_measure(|measure| of.go(Step::Right, false, measure));
    assert_eq!((of.caret().at, of.caret_row()), (11, 1));
    with_measure(|measure| of.go(Step::RowStart, false, measure));
    assert_eq!((of.caret().at, of.caret_row()), (10, 1));
}

/// Presses the pointer on a place.
fn press(of: &mut LongText, at: usize, grain: Grain, extends: bool) {
    of.press(of.rows().row_of(at), at, grain, extends);
}

/// With the pointer pressed, goes to a place.
fn drag(of: &mut LongText, at: usize) {
    of.drag(of.rows().row_of(at), at);
}

#[test]
fn words_and_lines_are_selected() {
    let mut of = text("{\"größe\": 12,\r\n  x}\r\n\r\n", 100.0);
    press(&mut of, 4, Grain::Word, false);
    assert_eq!(of.selected(), "größe");
    press(&mut of, 4, Grain::Line, false);
    assert_eq!(of.selected(), "{\"größe\": 12,");
    let brace = of.text().find('}').expect("its end");
    press(&mut of, brace + 1, Grain::Word, false);
    assert_eq!(of.selected(), "}");
    let end = of.text().len();
    press(&mut of, end, Grain::Word, false);
    assert_eq!((of.selected(), of.caret()), ("", Caret::one(end)));
    of.select_all();
    assert_eq!(of.selected(), of.text());
}

#[test]
fn of_a_word_without_end_a_part_is_selected_that_the_pointer_is_in() {
    let word = "é".repeat(4 * WORD_BYTES_MAX);
    let mut of = text(&format!("a\n{word}\r\nb"), 100.0);
    for (at, expected) in [
        (2, 2..2 + WORD_BYTES_MAX),
        (2 + word.len(), 2 + word.len() - WORD_BYTES_MAX..2 + word.len()),
        (2 + word.len() / 2, 2 + word.len() / 2 - WORD_BYTES_MAX..2 + word.len() / 2 + WORD_BYTES_MAX),
    ] {
        press(&mut of, at, Grain::Word, false);
        assert_eq!(of.caret().range(), expected);
    }
    // A line is a line, however long it is.
    press(&mut of, 2 + word.len() / 2, Grain::Line, false);
    assert_eq!(of.selected(), word);
}

#[test]
fn the_pointer_selects_either_way_from_where_it_was_pressed() {
    let mut of = text("one two three\nfour five", 100.0);
    press(&mut of, 5, Grain::Character, false);
    assert_eq!(of.caret(), Caret::one(5));
    let mut selected = |at: usize| {
        drag(&mut of, at);
        (of.selected().to_owned(), of.caret().at)
    };
    assert_eq!([selected(9), selected(2), selected(5)], [("wo t".to_owned(), 9), ("e t".to_owned(), 2), (String::new(), 5)]);
    // What is selected goes on from where it began.
    press(&mut of, 9, Grain::Character, true);
    assert_eq!(of.selected(), "wo t");
    press(&mut of, 1, Grain::Character, true);
    assert_eq!((of.selected(), of.caret().at), ("ne t", 1));
}

#[test]
fn what_was_pressed_on_twice_or_thrice_stays_selected_whichever_way_the_pointer_goes() {
    let mut of = text("one two three\nfour five\nsix", 100.0);
    press(&mut of, 5, Grain::Word, false);
    for (at, selected, caret) in [(10, "two three", 13), (6, "two", 7), (1, "one two", 0), (16, "two three\nfour", 18)] {
        drag(&mut of, at);
        assert_eq!((of.selected(), of.caret().at), (selected, caret));
    }
    press(&mut of, 10, Grain::Character, true);
    assert_eq!(of.selected(), "two th");
    press(&mut of, 2, Grain::Character, true);
    assert_eq!(of.selected(), "e two");
    press(&mut of, 16, Grain::Line, false);
    for (at, selected) in [(25, "four five\nsix"), (3, "one two three\nfour five"), (20, "four five")] {
        drag(&mut of, at);
        assert_eq!(of.selected(), selected);
    }
    // Once something else moved the caret, there is no such word or line any more.
    with_measure(|measure| of.go(Step::Start, false, measure));
    press(&mut of, 5, Grain::Character, true);
    assert_eq!(of.selected(), "one t");
    press(&mut of, 5, Grain::Word, false);
    with_measure(|measure| of.write("2", true, usize::MAX, measure));
    drag(&mut of, 0);
    assert_eq!((of.text(), of.selected()), ("one 2 three\nfour five\nsix", "one 2"));
}

#[test]
fn an_input_method_writes_until_it_commits_and_that_is_undone_at_once() {
    let mut of = text("ab", 100.0);
    with_measure(|measure| {
        of.put(Caret { at: 1, anchor: 0, leans_back: false });
        of.compose("n", measure);
        of.compose("ni", measure);
        assert_eq!((of.text(), of.composed()), ("nib", Some(0..2)));
        of.commit("你", usize::MAX, measure);
        assert_eq!((of.text(), of.composed(), of.caret()), ("你b", None, Caret::one(3)));
        assert!(of.undo(measure) && of.text() == "b" && of.undo(measure) && of.text() == "ab" && !of.undo(measure));
        // What is left unfinished stays, and can be undone too.
        of.compose("x", measure);
        of.go(Step::End, false, measure);
        assert_eq!((of.text(), of.composed()), ("xb", None));
        assert!(of.undo(measure) && of.undo(measure) && of.text() == "ab");
    });
}

#[test]
fn there_is_room_for_so_many_characters() {
    let mut of = text("ää", 100.0);
    with_measure(|measure| of.write("ööö", false, 4, measure));
    assert_eq!(of.text(), "ääöö");
    with_measure(|measure| of.write("ü", true, 4, measure));
    assert_eq!(of.text(), "ääöö");
}

#[test]
fn what_was_formatted_elsewhere_can_be_undone_and_another_text_cannot() {
    let mut of = text("{\"a\":1}", 100.0);
    with_measure(|measure| {
        of.take("{\n  \"a\": 1\n}", measure);
        assert!(of.undo(measure) && of.text() == "{\"a\":1}");
        of.take("[]", measure);
        assert!(!of.undo(measure) && of.text() == "[]" && of.caret().at <= 2);
    });
}

#[test]
fn what_a_short_field_could_undo_can_be_undone() {
    let mut of = text("one two three", 100.0);
    of.remember(&["one".to_owned(), "one two".to_owned()]);
    with_measure(|measure| assert!(of.undo(measure) && of.text() == "one two" && of.undo(measure) && of.text() == "one" && !of.undo(measure)));
}

/// Something that is done to a text.
#[derive(Clone, Debug)]
enum Act {
    Write(String),
    Delete(Step),
    Go(Step, bool),
    Put(usize, usize),
    Undo,
    Redo,
    Wrap(u8),
    Take(String),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::{Down, End, Left, LineEnd, LineStart, Right, RowEnd, RowStart, Start, Up, WordLeft, WordRight};
    prop::sample::select(vec![Left, Right, WordLeft, WordRight, Up(1), Down(1), Up(3), Down(3), RowStart, RowEnd, LineStart, LineEnd, Start, End])
}

fn piece() -> impl Strategy<Value = String> {
    let part =
        prop::sample::select(vec!["a", "b ", " ", "\n", "\r\n", "\t", "{\"k\": 1}", "ü", "e\u{301}", "漢字", "👩\u{200d}💻", "🇩🇪", "0123456789", "\u{200d}"]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => piece().prop_map(Act::Write),
        3 => step().prop_map(Act::Delete),
        4 => (step(), any::<bool>()).prop_map(|(step, selects)| Act::Go(step, selects)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(at, anchor)| Act::Put(at, anchor)),
        2 => Just(Act::Undo),
        1 => Just(Act::Redo),
        1 => (4_u8..30).prop_map(Act::Wrap),
        1 => piece().prop_map(Act::Take),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_it_is_the_text_that_a_plain_string_would_be(begin in piece(), acts in prop::collection::vec(act(), 1..60)) {
        with_measure(|measure| {
            let mut of = LongText::new(&begin, 12.0, measure);
            let (mut plain, mut width_pt) = (begin, 12.0);
            // What can be undone leads through these.
            let mut texts = vec![plain.clone()];
            for act in acts {
                let before = plain.clone();
                match act {
                    Act::Write(with) => {
                        plain.replace_range(of.caret().range(), &with);
                        let was = of.caret();
                        of.write(&with, with.chars().count() == 1, usize::MAX, measure);
                        // Where nothing is written over nothing, the caret stays as it is, in its row, too.
                        let is_nothing = with.is_empty() && was.range().is_empty();
                        prop_assert_eq!(of.caret(), if is_nothing { was } else { Caret::one(was.range().start + with.len()) });
                    }
                    Act::Delete(step) => {
                        let mut moved = of.clone();
                        if moved.caret().range().is_empty() {
                            // Up and down delete to the ends; every other step deletes what it goes over.
                            let step = match step { Step::Up(_) => Step::Start, Step::Down(_) => Step::End, step => step };
                            moved.go(step, true, measure);
                        }
                        let (was, gone) = (of.caret(), moved.caret().range());
                        plain.replace_range(gone.clone(), "");
                        of.delete(step, measure);
                        prop_assert_eq!(of.caret(), if gone.is_empty() { was } else { Caret::one(gone.start) });
                    }
                    Act::Go(step, selects) => {
                        let anchor = of.caret().anchor;
                        of.go(step, selects, measure);
                        prop_assert_eq!(of.caret().anchor, if selects { anchor } else { of.caret().at });
                    }
                    Act::Put(at, anchor) => {
                        let [at, anchor] = [at, anchor].map(|at| plain.floor_char_boundary(at % (plain.len() + 1)));
                        of.put(Caret { at, anchor, leans_back: false });
                    }
                    Act::Undo => {
                        of.undo(measure);
                        plain = of.text().to_owned();
                        prop_assert!(texts.contains(&plain));
                    }
                    Act::Redo => {
                        of.redo(measure);
                        plain = of.text().to_owned();
                        prop_assert!(texts.contains(&plain));
                    }
                    Act::Wrap(wide) => {
                        width_pt = f32::from(wide);
                        of.wrap(width_pt, measure);
                    }
                    Act::Take(other) => {
                        plain = other;
                        of.take(&plain, measure);
                    }
                }
                if plain != before {
                    texts.push(plain.clone());
                }
                prop_assert_eq!(of.text(), &plain);
                prop_assert_eq!(of.rows(), &Rows::of(&plain, width_pt, measure), "rows are those of the whole text");
                prop_assert!(plain.is_char_boundary(of.caret().at) && plain.is_char_boundary(of.caret().anchor));
                let row = of.caret_row();
                prop_assert!((of.rows().start(row)..=of.rows().next_start(row, &plain)).contains(&of.caret().at));
            }
            // All the way back and all the way on again ends where it was.
            let end = of.text().to_owned();
            let mut num = 0;
            while of.undo(measure) {
                num += 1;
            }
            for _ in 0..num {
                prop_assert!(of.redo(measure));
            }
            prop_assert_eq!(of.text(), &end);
            Ok(())
        })?;
    }

    #[test]
    fn rows_hold_all_of_the_text_and_tear_nothing(of in piece(), wide in 4_u8..40) {
        with_measure(|measure| {
            let rows = Rows::of(&of, f32::from(wide), measure);
            let all: String = (0..rows.len()).map(|row| &of[rows.start(row)..rows.next_start(row, &of)]).collect();
            prop_assert_eq!(&all, &of);
            prop_assert!((1..rows.len()).all(|row| is_boundary(&of, rows.start(row))));
            Ok(())
        })?;
    }
}

use proptest::prelude::*;

use super::*;

#[test]
fn messages_lose_what_differs_from_case_to_case() {
    for (message, expected) in [
        ("order 4711 is poison", "order # is poison"),
        ("order ord-4711 is poison", "order ord-# is poison"),
        ("order 0192f5c1-8d3a-7c11-9f00-aabbccddeeff failed", "order <id> failed"),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736 lost", "trace <id> lost"),
        ("at 0xdeadbeef1", "at <id>"),
        ("key cus_Nx9fK2mQp7Lw4Rt1 unknown", "key <id> unknown"),
        ("deadbeef and facade are words", "deadbeef and facade are words"),
        ("timeout after 12.5s on 10.0.0.1:9092", "timeout after #.#s on #.#.#.#:#"),
        ("2026-11-21T10:00:00.123Z", "#-#-#T#:#:#.#Z"),
        ("  two\n\tlines  ", "two lines"),
        ("field 'amount' of 'a very long value that nobody needs to read' bad", "field 'amount' of 'a very long value that n…' bad"),
        ("can't read order 7, won't try", "can't read order #, won't try"),
        ("unterminated 'quote 5", "unterminated 'quote #"),
        ("id \"0192f5c1-8d3a-7c11-9f00-aabbccddeeff\"", "id \"<id>\""),
        ("steer\u{202e}ing\u{0}", "steer\\u{202e}ing\\u{0}"),
        ("", ""),
    ] {
        assert_eq!(without_ids(message), expected, "{message}");
    }
    assert_eq!(without_ids(&"word ".repeat(1000)).chars().count(), MAX_MESSAGE_CHARS + 1);
}

#[test]
fn fingerprints_say_what_is_known() {
    for (class, frame, message, expected) in [
        (Some("com.shop.PoisonException"), Some("Checker.check"), Some("order 7"), "PoisonException at Checker.check: order #"),
        (Some("com.shop.PoisonException"), None, None, "PoisonException"),
        (None, Some("Checker.check"), None, "at Checker.check"),
        (None, None, Some("order 7"), "order #"),
        (None, None, None, "no cause told"),
        (Some("..."), None, Some(" "), "..."),
    ] {
        assert_eq!(fingerprint(class, frame, message), expected);
    }
}

#[test]
fn what_was_thrown_is_found_behind_what_wraps_it() {
    let jvm = "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n\tat o.s.Adapter.invoke(Adapter.java:10)\n\
        Caused by: java.lang.RuntimeException: wrapped\n\tat com.shop.Service.run(Service.java:7)\n\
        Caused by: com.shop.PoisonException: order 4711 is poison\n\tat app//com.shop.Checker.check(Checker.java:42)\n\tat x.Y.z(Y.java:1)\n\t... 3 more";
    let wrapper = Some("org.springframework.kafka.listener.ListenerExecutionFailedException");
    let thrown = |cause: Option<&str>, message: Option<&str>, frame: Option<&str>| Thrown {
        cause: cause.map(str::to_owned),
        message: message.map(str::to_owned),
        top_frame: frame.map(str::to_owned),
    };
    let poison = thrown(Some("com.shop.PoisonException"), Some("order 4711 is poison"), Some("Checker.check"));
    assert_eq!(Thrown::of(wrapper, None, Some("Listener failed"), None, jvm), poison, "from the stack trace");
    assert_eq!(Thrown::of(wrapper, Some("com.shop.PoisonException"), Some("Listener failed"), None, jvm), poison, "from the header");
    let plain = "com.shop.PoisonException: bad\n\tat com.shop.Checker.check(Checker.java:42)\nCaused by: java.io.IOException: disk\n\tat a.B.c(B.java:1)";
    assert_eq!(
        Thrown::of(Some("com.shop.PoisonException"), None, Some("bad"), None, plain),
        thrown(None, Some("bad"), Some("Checker.check")),
        "what the application threw itself is not looked behind"
    );
    let net =
        "System.AggregateException: One or more errors occurred. ---> Shop.PoisonException: order 7\n   at Shop.Checker.Check(Order o) in C:\\x.cs:line 3";
    assert_eq!(
        Thrown::of(Some("System.AggregateException"), None, None, None, net),
        thrown(Some("Shop.PoisonException"), Some("order 7"), Some("Checker.Check"))
    );
    let python = "Traceback (most recent call last):\n  File \"/app/run.py\", line 9, in main\n  File \"/app/pay.py\", line 3, in check\nValueError: 7";
    assert_eq!(Thrown::of(Some("ValueError"), None, Some("7"), None, python).top_frame.as_deref(), Some("pay.check"));
    let bare = "at com.shop.Checker.check(Checker.java:42)";
    assert_eq!(Thrown::of(Some("a.B"), None, Some("m"), None, bare), thrown(None, Some("m"), Some("Checker.check")));
    assert_eq!(Thrown::of(None, None, None, None, ""), Thrown::default());
    assert_eq!(Thrown::of(Some("a.B"), Some("a.B"), Some("m"), None, ""), thrown(None, Some("m"), None), "a cause that is the exception itself");
}

proptest! {
    #[test]
    fn no_text_can_panic_it(text in "(\\PC|\n|at |Caused by:|: | ---> |'|\"|File \"|\", line | in |[0-9a-f-]){0,60}", class in prop::option::of("\\PC{0,20}")) {
        let thrown = Thrown::of(class.as_deref(), class.as_deref(), Some(&text), Some(&text), &text);
        let told = fingerprint(thrown.cause.as_deref(), thrown.top_frame.as_deref(), thrown.message.as_deref());
        prop_assert!(!told.is_empty());
        let folded = without_ids(&text);
        prop_assert!(folded.chars().count() <= MAX_MESSAGE_CHARS + 1);
        prop_assert!(!folded.chars().any(char::is_control));
    }
}

#[test]
fn a_uuid_behind_a_prefix_is_one_id() {
    for id in ["018f2c3e-7a10-4f6b-9d2e-5b1c8a7e0f11", "a0000000-bbbb-4ccc-8ddd-eeeeeeeeeeee"] {
        assert_eq!(without_ids(&format!("(order order-{id})")), "(order order-<id>)");
        assert_eq!(without_ids(&format!("{id}_retry")), "<id>_retry");
    }
}

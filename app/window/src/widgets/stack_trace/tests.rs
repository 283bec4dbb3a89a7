use super::*;

const JAVA: &str = "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed; no carrier delivers to country 'XX'\n\
    \tat org.springframework.kafka.listener.KafkaMessageListenerContainer$ListenerConsumer.decorateException(KafkaMessageListenerContainer.java:2996)\n\
    \tat org.springframework.kafka.listener.KafkaMessageListenerContainer.run(KafkaMessageListenerContainer.java:1402)\n\
    \tat java.base/java.util.concurrent.CompletableFuture$AsyncRun.run(CompletableFuture.java:1804)\n\
    \tat java.base/java.lang.Thread.run(Thread.java:1583)\n\
    \tSuppressed: java.lang.IllegalStateException: closed\n\
    \t\tat com.shop.shipping.Outbox.close(Outbox.java:20)\n\
    Caused by: com.shop.shipping.UnknownCountryException: no carrier delivers to country 'XX'\n\
    \tat com.shop.shipping.Label.countryOf(Label.java:48)\n\
    \tat com.shop.shipping.Label$$EnhancerBySpringCGLIB$$1.countryOf(<generated>)\n\
    \tat com.shop.shipping.Shipping.ship(Shipping.java:31)\n\
    \t... 14 more\n";

/// As it is shown at first: lines, and folded runs in brackets.
fn seen(text: &str) -> Vec<String> {
    let stack = StackTrace::read(text).unwrap_or_else(|| panic!("{text} is a stack trace"));
    let mut seen: Vec<String> = stack.cause.iter().map(|cause| format!("<{cause}>")).collect();
    for block in &stack.blocks {
        match &block.folded {
            Some(folded) => seen.push(format!("[{folded}]")),
            None => seen.extend(stack.lines[block.lines.clone()].iter().map(|line| line.text.clone())),
        }
    }
    seen
}

#[test]
fn own_frames_and_what_was_thrown_are_seen_at_first_and_libraries_are_folded() {
    assert_eq!(
        seen(JAVA),
        [
            "<com.shop.shipping.UnknownCountryException: no carrier delivers to country 'XX'>",
            "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed; no carrier delivers to country 'XX'",
            "[4 frames of org.springframework, java.base]",
            "Suppressed: java.lang.IllegalStateException: closed",
            "at com.shop.shipping.Outbox.close(Outbox.java:20)",
            "Caused by: com.shop.shipping.UnknownCountryException: no carrier delivers to country 'XX'",
            "at com.shop.shipping.Label.countryOf(Label.java:48)",
            "at com.shop.shipping.Label$$EnhancerBySpringCGLIB$$1.countryOf(<generated>)",
            "at com.shop.shipping.Shipping.ship(Shipping.java:31)",
            "... 14 more",
        ]
    );
}

#[test]
fn stack_traces_of_many_languages_are_read() {
    for (name, text, expected) in [
        (
            "a cause of the JVM's",
            "java.lang.RuntimeException: outer\n\tat com.shop.A.b(A.java:1)\nCaused by: com.shop.Bad: inner\n\tat com.shop.C.d(C.java:2)\n",
            &[
                "<com.shop.Bad: inner>",
                "java.lang.RuntimeException: outer",
                "at com.shop.A.b(A.java:1)",
                "Caused by: com.shop.Bad: inner",
                "at com.shop.C.d(C.java:2)",
            ][..],
        ),
        (
            "Python",
            "Traceback (most recent call last):\n  File \"/usr/lib/python3.12/asyncio/runners.py\", line 9, in run\n    return loop()\n  File \"/venv/lib/python3.12/site-packages/aiokafka/consumer.py\", line 3, in poll\n    x()\n    ^^^\n  File \"/app/pay.py\", line 3, in check\n    raise ValueError(\"no\")\nValueError: no\n",
            &[
                "Traceback (most recent call last):",
                "[2 frames of python, aiokafka]",
                "File \"/app/pay.py\", line 3, in check",
                "raise ValueError(\"no\")",
                "ValueError: no",
            ],
        ),
        (
            "Python's causes, which come first",
            "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in a\nKeyError: 'sku'\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/app/b.py\", line 2, in b\nShopError: no sku\n",
            &[
                "<KeyError: 'sku'>",
                "Traceback (most recent call last):",
                "File \"/app/a.py\", line 1, in a",
                "KeyError: 'sku'",
                "The above exception was the direct cause of the following exception:",
                "Traceback (most recent call last):",
                "File \"/app/b.py\", line 2, in b",
                "ShopError: no sku",
            ],
        ),
        (
            "Node",
            "TypeError: x is not a function\n    at check (/app/src/pay.js:12:9)\n    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)\n    at async /app/node_modules/@nestjs/core/router.js:1:2\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n",
            &["TypeError: x is not a function", "at check (/app/src/pay.js:12:9)", "[3 frames of express, @nestjs/core, node]"],
        ),
        (
            "Go",
            "panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:\nmain.check(0xc0000140a8)\n\t/app/main.go:12 +0x1d\nnet/http.HandlerFunc.ServeHTTP(0x0)\n\t/usr/local/go/src/net/http/server.go:2136 +0x29\ngithub.com/gin-gonic/gin.(*Context).Next(...)\n\t/root/go/pkg/mod/github.com/gin-gonic/gin@v1.9/context.go:174\n",
            &[
                "panic: runtime error: index out of range [3]",
                "goroutine 1 [running]:",
                "main.check(0xc0000140a8)",
                "/app/main.go:12 +0x1d",
                "[2 frames of net/http, github.com/gin-gonic/gin]",
            ],
        ),
        (
            ".NET",
            "System.AggregateException: One or more errors ---> Shop.NoStockException: gone\n   at Shop.Stock.Take(String sku) in /src/Stock.cs:line 12\n   at System.Threading.Tasks.Task.Execute()\n   at Microsoft.AspNetCore.Mvc.Filter.Invoke()\n   --- End of inner exception stack trace ---\n",
            &[
                "<Shop.NoStockException: gone>",
                "System.AggregateException: One or more errors ---> Shop.NoStockException: gone",
                "at Shop.Stock.Take(String sku) in /src/Stock.cs:line 12",
                "[2 frames of System, Microsoft]",
                "--- End of inner exception stack trace ---",
            ],
        ),
        (
            "Rust",
            "thread 'main' panicked at src/main.rs:4:5:\nno stock\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/1/library/std/src/panicking.rs:1:5\n   1: core::panicking::panic_fmt\n             at /rustc/1/library/core/src/panicking.rs:2:5\n   2: shop::check\n             at ./src/main.rs:4:5\n   3: <tokio::task::Core as core::future::Future>::poll\n   4: std::rt::lang_start\n",
            &[
                "thread 'main' panicked at src/main.rs:4:5:",
                "no stock",
                "stack backtrace:",
                "[2 frames of rust_begin_unwind, core]",
                "2: shop::check",
                "at ./src/main.rs:4:5",
                "[2 frames of tokio, std]",
            ],
        ),
        (
            "Ruby",
            "/app/lib/pay.rb:12:in 'check': no stock (ShopError)\n\tfrom /usr/lib/ruby/gems/3.3.0/gems/rack-3.1.8/lib/rack.rb:3:in 'call'\n\tfrom /usr/lib/ruby/3.3.0/net/http.rb:4:in 'run'\n",
            &["/app/lib/pay.rb:12:in 'check': no stock (ShopError)", "[2 frames of rack, ruby]"],
        ),
        (
            "PHP",
            "ShopException: no stock in /app/src/Pay.php:12\nStack trace:\n#0 /app/src/Shop.php(31): Shop\\Pay->check()\n#1 /app/vendor/laravel/framework/src/Kernel.php(9): run()\n#2 [internal function]: call()\n#3 {main}\n",
            &[
                "ShopException: no stock in /app/src/Pay.php:12",
                "Stack trace:",
                "#0 /app/src/Shop.php(31): Shop\\Pay->check()",
                "[2 frames of laravel/framework, php]",
                "#3 {main}",
            ],
        ),
    ] {
        assert_eq!(seen(text), expected, "{name}");
    }
}

#[test]
fn lines_that_were_written_out_are_lines_again_and_all_is_copied() {
    let escaped = JAVA.replace('\n', "\\n").replace('\t', "\\t");
    assert_eq!(seen(&escaped), seen(JAVA));
    let stack = StackTrace::read(&escaped).expect("a stack trace");
    assert_eq!(stack.text.lines().count(), 12);
    assert!(stack.text.contains("\n    at com.shop.shipping.Label.countryOf(Label.java:48)\n"), "{}", stack.text);
    let evil = StackTrace::read("A: b\u{202e}c\n\tat com.shop.A.b(A.java:1)\n\tat com.shop.A.c(A.java:2)").expect("a stack trace");
    assert!(evil.text.starts_with("A: b\\u{202e}c\n") && evil.lines[0].text == "A: b\\u{202e}c", "{evil:?}");
}

#[test]
fn what_is_no_stack_trace_is_not_called_one() {
    for text in [
        "",
        "no stock",
        "two\nlines",
        "meet at noon (12:00)\nat the door",
        "{\n  \"at\": 1\n}",
        "4: a\n5: b",
        "SELECT 1\nFROM x\nWHERE y",
        "\\n\\n",
        "C:\\new\\table",
    ] {
        assert_eq!(StackTrace::read(text), None, "{text}");
    }
}

#[test]
fn a_recursion_does_not_fill_the_view() {
    let deep = format!("StackOverflowError\n{}", "\tat com.shop.Tree.walk(Tree.java:7)\n".repeat(1_000));
    let seen = seen(&deep);
    assert_eq!((seen.len(), seen[9].as_str()), (10, "[992 own frames more]"));
}

#[test]
fn twice_the_trace_takes_twice_the_time() {
    let parts = [
        "\tat com.shop.A.b(A.java:1)\n",
        "\tat org.springframework.A.b(A.java:1)\n",
        "Caused by: ",
        "Caused by: A: b\n",
        " ---> ",
        "  File \"/app/a.py\", line 1, in a\n",
        "    at a (/node_modules/a/b.js:1:2)\n",
        "node_modules/",
        "/gems/",
        "a.b(\n\t/go/src/a:1\n",
        "   4: core::a\n             at /x:1\n",
        "#1 /vendor/a/b(1): c\n",
        "\\n\\tat a.b(c)",
        "at ",
        "at (",
        ":",
        "(",
        "<",
        "\n",
        "\t",
        "\u{202e}",
        "é",
    ];
    for part in parts {
        let text = |len: usize| format!("A: b\n\tat a.b(A.java:1)\n\tat a.b(A.java:1)\n{}", part.repeat(len / part.len()));
        switchboard_measure::growth::assert_linear(&format!("{part:?}"), 1 << 16, text, |text| StackTrace::read(text));
    }
}

use proptest::prelude::*;
use switchboard_measure::growth::assert_linear;

use super::*;

#[test]
fn deep_texts_end_with_a_reason() {
    for (open, close) in [("[", "]"), ("{\"openapi\":", "}"), ("{\"log\":{\"entries\":[", "]}}"), ("{\"request\":", "}")] {
        let text = format!("{{\"openapi\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
        assert!(matches!(from_text(&text), Err(ImportError::Unreadable { .. })), "{open}");
    }
    for text in [
        format!("openapi: {}", "[".repeat(100_000)),
        format!("openapi: {}", "{a: ".repeat(100_000)),
        format!("openapi: 3.0.0\npaths:\n{}", (0..2_000).map(|at| " ".repeat(at + 1) + "a:").collect::<Vec<_>>().join("\n")),
        format!("openapi: 3.0.0\nx: {}", "- ".repeat(100_000)),
    ] {
        let refused = from_text(&text).expect_err("too deep");
        assert!(matches!(&refused, ImportError::Unreadable { what: "YAML", .. }), "{refused}");
    }
}

/// A text in which each anchor names several of the one before.
fn bomb(levels: usize, width: usize) -> String {
    let mut text = "openapi: 3.0.0\na0: &a0 [x, x, x]\n".to_owned();
    for level in 1..=levels {
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); width].join(", ")));
    }
    text
}

#[test]
fn aliases_come_to_no_more_than_is_read() {
    let merges = (1..=60).map(|at| format!("m{at}: &m{at} {{<<: [*m{0}, *m{0}, *m{0}], k{at}: 1, l: *m{0}, r: *m{0}}}", at - 1)).collect::<Vec<_>>().join("\n");
    for text in [
        bomb(9, 9),
        bomb(40, 2),
        bomb(1, 400_000),
        format!("openapi: 3.0.0\nm0: &m0 {{a: b}}\n{merges}"),
        format!("openapi: 3.0.0\na: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(1_000)),
    ] {
        let refused = from_text(&text).expect_err("too much").to_string();
        assert!(refused.contains("more than can be read") || refused.contains("too deep"), "{refused}");
    }
    assert!(from_text("openapi: 3.0.0\na: &a [*a]\n").expect_err("a circle").to_string().contains("alias"));
    assert!(from_text("openapi: 3.0.0\na: *nobody\n").is_err());
}

#[test]
fn examples_come_to_no_more_than_is_made() {
    // Every schema names the next one several times.
    let schemas: Vec<String> = (0..40)
        .map(|at| {
            let next = format!("{{\"$ref\":\"#/components/schemas/S{}\"}}", at + 1);
            format!("\"S{at}\":{{\"properties\":{{{}}}}}", (0..9).map(|name| format!("\"p{name}\":{next}")).collect::<Vec<_>>().join(","))
        })
        .collect();
    // And one long example is named by many operations.
    let long = format!("\"L\":{{\"example\":\"{}\"}}", "x".repeat(1 << 20));
    for name in ["S0", "L"] {
        let operation = format!("{{\"requestBody\":{{\"content\":{{\"application/json\":{{\"schema\":{{\"$ref\":\"#/components/schemas/{name}\"}}}}}}}}}}");
        let paths: Vec<String> = (0..6_000).map(|at| format!("\"/p{at}/{{id}}\":{{\"post\":{operation}}}")).collect();
        let text = format!("{{\"openapi\":\"3.1.0\",\"paths\":{{{}}},\"components\":{{\"schemas\":{{{},{long}}}}}}}", paths.join(","), schemas.join(","));
        let imported = from_text(&text).expect("a document");
        let bytes: usize = imported.drafts.iter().map(|draft| draft.to_text().len()).sum();
        assert!(imported.drafts.len() == MAX_DRAFTS && bytes < 64 << 20, "{} drafts of {bytes} bytes", imported.drafts.len());
        assert!(imported.notes.iter().any(|note| note.contains("5000 operations")), "{:?}", imported.notes);
    }
    // One list of parameters stands for many operations.
    let parameters: Vec<String> = (0..150).map(|at| format!("{{\"name\":\"{}{at}\",\"in\":\"query\"}}", "n".repeat(2_000))).collect();
    let paths: Vec<String> = (0..5_000).map(|at| format!("\"/p{at}\":{{\"$ref\":\"#/x\"}}")).collect();
    let text = format!("{{\"openapi\":\"3.1.0\",\"paths\":{{{}}},\"x\":{{\"get\":{{}},\"parameters\":[{}]}}}}", paths.join(","), parameters.join(","));
    let imported = from_text(&text).expect("a document");
    let bytes: usize = imported.drafts.iter().map(|draft| draft.to_text().len()).sum();
    assert!(bytes < 64 << 20, "{bytes}");
}

#[test]
fn one_line_cannot_say_much_many_times() {
    let text = format!("curl {} --data-raw '{}'", "h ".repeat(100_000), "x".repeat(1 << 20));
    let imported = from_text(&text).expect("drafts");
    assert!(imported.drafts.len() < 10, "{}", imported.drafts.len());
    let text = format!("printf '%s' '{}' | curl {}", "x".repeat(1 << 20), "-d @- h --next ".repeat(1_000));
    let imported = from_text(&text).expect("drafts");
    assert!(imported.drafts.iter().filter(|draft| matches!(&draft.request, Request::Http(http) if http.body != Body::None)).count() == 1);
    let notes = from_text(&format!("curl h {}", (0..100_000).map(|at| format!("--option{at}")).collect::<Vec<_>>().join(" "))).expect("a draft").notes;
    assert!(notes.len() == 101 && notes[100].contains("more notes"), "{}", notes.len());
}

#[test]
fn twice_the_text_takes_twice_the_time() {
    let operation = "\"/p@/{a}/{b}\":{\"post\":{\"parameters\":[{\"name\":\"q@\",\"in\":\"query\"}],\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/s\"}}}}}},";
    for (what, begin, part, end) in [
        ("options", "curl h ", "-H 'a@: b' ", ""),
        ("unknown options", "curl h ", "--frob@ -Z ", ""),
        ("flags", "curl h -", "sSk", ""),
        ("data", "curl h ", "-d a=@ ", ""),
        ("queries", "curl -G h ", "-d a=@ ", ""),
        ("addresses", "curl ", "h/@ ", ""),
        ("requests", "", "curl h/@ -d @- --next h;", ""),
        ("printed", "", "printf @ | ", "curl h --next h --next h -d @-"),
        ("quotes", "curl h -d \"", "\\\"$x`", "\""),
        ("escapes", "curl h -d $'", "\\ud83d\\ude00\\x41\\101", "'"),
        ("braces", "curl h -d '", "{{", "'"),
        ("brackets", "curl h -d '", "[", "'"),
        ("forms", "curl h ", "-F 'a@=\"b\\\"\";type=c' ", ""),
        ("users", "curl ", "http://u:@p@h ", ""),
        ("messages", "grpcurl -d '", "{\"a\":@} ", "' h a.B/C"),
        ("grpcurl", "grpcurl ", "-H a@:b -d @ ", "h a.B/C"),
        ("HAR", "{\"log\":{\"entries\":[", "{\"request\":{\"url\":\"http://h/@?token=x\",\"headers\":[{\"name\":\"a\",\"value\":\"b\"}]}},", "{}]}}"),
        (
            "headers of a HAR",
            "{\"request\":{\"url\":\"http://h/\",\"headers\":[",
            "{\"name\":\"x-token\",\"value\":\"b@\"},{\"name\":\"a\",\"value\":\"password=@\"},",
            "{}]}}",
        ),
        ("operations", "{\"openapi\":\"3.0.0\",\"s\":{\"properties\":{\"a\":{\"type\":\"string\"}}},\"paths\":{", operation, "\"/\":{\"get\":{}}}}"),
        ("YAML", "openapi: 3.0.0\npaths:\n", "  /p@/{a}: {get: {parameters: [{name: q, in: query}]}}\n", ""),
        ("YAML in blocks", "openapi: 3.0.0\npaths:\n", "  /p@:\n    get:\n      summary: >\n        a\n        b\n", ""),
        ("YAML in one line", "openapi: 3.0.0\nx: [", "a@, 'b', \"c\", ", "]\npaths: {/a: {get: {}}}"),
        ("YAML in one text", "openapi: 3.0.0\nx: \"", "a\\n\\u0041 ", "\"\npaths: {/a: {get: {}}}"),
        ("YAML's comments", "openapi: 3.0.0\n", "# a: [\n\n", "paths: {/a: {get: {}}}"),
        ("YAML's anchors", "openapi: 3.0.0\nx: [", "&a@ [*b, 1], &b 1, ", "1]\npaths: {/a: {get: {}}}"),
        ("YAML's keys", "openapi: 3.0.0\nx:\n", " ? a@\n : b\n", "paths: {/a: {get: {}}}"),
    ] {
        let input = |len: usize| {
            let mut text = begin.to_owned();
            let mut at = 0;
            while text.len() < len {
                text.push_str(&part.replace('@', &at.to_string()));
                at += 1;
            }
            text + end
        };
        assert_linear(what, 1 << 17, input, |text| from_text(text).map(|imported| imported.drafts.len()));
    }
}

proptest! {
    #[test]
    fn no_text_makes_an_import_panic(text in ".{0,200}", options in prop::collection::vec("-{0,2}[a-zA-Z]{0,3}|['\"$\\\\^{}@=;|&<> \n]{0,4}|[ -~]{0,12}", 0..20)) {
        let _ = from_text(&text);
        for program in ["curl ", "grpcurl ", "printf '\\07' | curl h -d @- ", "openapi: 3.0.0\npaths: ", "{\"openapi\":3.0,\"paths\":"] {
            let _ = from_text(&format!("{program}{text}"));
            let _ = from_text(&format!("{program}{}", options.join(" ")));
            let _ = from_text(&format!("{program}{}", options.concat()));
        }
    }

    #[test]
    fn no_document_makes_an_import_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}\",:#&*!|>a1\\\\ \n-]{0,3}"), 1..6)) {
        let yaml = "openapi: 3.0.0\nservers: [{url: 'http://{a}/', variables: {a: {default: h}}}]\npaths:\n  /a/{b}:\n    post:\n      security: [{k: []}]\n      parameters: [{name: b, in: path}]\n      requestBody: {content: {application/json: {schema: {$ref: '#/s'}}}}\ns: {allOf: [{properties: {a: {type: array, items: {$ref: '#/s'}}}}]}\n";
        for sample in [HAR, yaml] {
            let mut text = sample.to_owned();
            for (at, put) in &cuts {
                let at = at.index(text.len());
                text.replace_range(at..(at + 1).min(text.len()), put);
            }
            let _ = from_text(&text);
        }
    }

    #[test]
    fn what_is_imported_is_never_a_template(text in "[{}a\\\\ ]{0,20}") {
        let literal = super::super::literal(&text);
        let none = std::collections::BTreeMap::new();
        let variables = crate::send::variables::Variables { named: &none, row: &none, counter: 1, now_ns: 0, random: &|| 0 };
        prop_assert_eq!(variables.fill(&literal).expect("nothing to fill in"), text);
    }
}

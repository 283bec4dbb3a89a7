use super::*;

fn all() -> Vec<Draft> {
    let http = HttpDraft {
        method: "POST".to_owned(),
        url: "{{base}}/checkout?a=1".to_owned(),
        query: vec![Pair::new("q", "é \"x\""), Pair { off: true, ..Pair::new("q", "") }],
        headers: vec![Pair::new("Accept", "application/json")],
        auth: Auth::Bearer { secret: "token".to_owned() },
        body: Body::Json("{\n  \"order_id\": \"{{uuid}}\"\n}".to_owned()),
        ..HttpDraft::default()
    };
    let bodies = [
        Body::None,
        Body::Text("'''\"\"\"\\\r\n\t".to_owned()),
        Body::Form(vec![Pair::new("a", "b")]),
        Body::Multipart(vec![Part { name: "a".to_owned(), file: "a.png".to_owned(), ..Part::default() }]),
        Body::Hex("00ff".to_owned()),
        Body::File("body.bin".to_owned()),
        Body::Graphql { query: "query A { a }".to_owned(), variables: "{}".to_owned(), operation: "A".to_owned() },
    ];
    let mut drafts: Vec<Draft> =
        bodies.into_iter().map(|body| Draft { name: "named".to_owned(), request: Request::Http(HttpDraft { body, ..http.clone() }) }).collect();
    let schemas = [
        SchemaFrom::Reflection,
        SchemaFrom::Protos { files: vec!["a.proto".to_owned()], roots: vec![".".to_owned()] },
        SchemaFrom::DescriptorSet("a.pb".to_owned()),
    ];
    drafts.extend(schemas.into_iter().map(|schema| Draft {
        name: String::new(),
        request: Request::Grpc(GrpcDraft {
            url: "https://h".to_owned(),
            method: "shop.v1.Orders/PlaceOrder".to_owned(),
            authority: "orders.test:1".to_owned(),
            schema,
            ..GrpcDraft::default()
        }),
    }));
    let payloads = [Payload::Null, Payload::Text("a".to_owned()), Payload::Json("1".to_owned()), Payload::Hex("0a".to_owned()), Payload::File("f".to_owned())];
    drafts.extend(payloads.into_iter().map(|payload| Draft {
        name: String::new(),
        request: Request::Record(RecordDraft {
            topic: "orders.placed".to_owned(),
            partition: Some(2),
            key: payload.clone(),
            value: payload.clone(),
            headers: vec![HeaderDraft { name: "h".to_owned(), value: payload, off: false }],
            timestamp_ms: Some(1),
            reply_topic: "replies".to_owned(),
            reply: ReplyDraft { id_as: ReplyId::Text, within_s: 2.5, ..ReplyDraft::default() },
            ..RecordDraft::default()
        }),
    }));
    drafts.extend(RequestKind::ALL.map(Draft::blank));
    drafts
}

#[test]
fn a_draft_is_read_as_it_was_written() {
    for draft in all() {
        let text = draft.to_text();
        assert_eq!(Draft::parse(&text).as_ref(), Ok(&draft), "{text}");
    }
}

#[test]
fn a_file_of_before_is_read_with_what_goes_without_saying() {
    let text = "[record]\ntopic = \"orders\"\nreply_topic = \"replies\"\ncopies = 1\nrate_per_s = 10\nkey = \"null\"\nvalue = { json = \"{}\" }\n";
    let Request::Record(record) = Draft::parse(text).expect("a request").request else { panic!("a record") };
    assert_eq!((record.reply_topic.as_str(), &record.reply), ("replies", &ReplyDraft::default()));
}

#[test]
fn what_is_no_request_says_why() {
    for (text, told) in [
        ("", "this has 0"),
        ("[http]\nurl = \"a\"\n[record]\ntopic = \"t\"", "this has 2"),
        ("[http]\nurll = \"a\"", "line 2: unknown field `urll`"),
        ("[http]\nurl = 1", "line 2: this takes a text; here stands a number"),
        ("[http]\nauth = \"bearer\"", "line 2: this takes a table of its own: { bearer = { … } }; here stands the word alone"),
        ("[http]\nauth = { bearer = \"hunter2\" }", "line 2: this takes a table of its own: { bearer = { … } }; here stands a text"),
        ("[http]\nauth = { api_key = 7 }", "line 2: this takes a table of its own: { api_key = { … } }; here stands a number"),
        ("[http]\nauth = { none = 1, bearer = { secret = \"a\" } }", "line 2: this table takes one of its words; here are none, or several"),
        ("[http]\nauth = { beer = 1 }", "line 2: the word that stands here is not known; write one of `none`, `bearer`"),
        ("[http]\nauth = \"hunter2\"", "line 2: the word that stands here is not known; write one of `none`, `bearer`"),
        ("[http]\nauth = \"hunter2, expected u8\"", "line 2: the word that stands here is not known; write one of `none`, `bearer`"),
        ("[record]\ntopic = \"t\"\ncopies = -7", "line 3: this takes a whole number from 0 "),
        ("[record]\ntopic = \"t\"\npartition = 4294967296", "line 3: this takes a whole number from -2147483648 to 2147483647; here stands another value"),
        ("[record]\ntopic = \"t\"\ncopies = 1.5", "line 3: this takes a whole number; here stands one with a point"),
        ("[http]\nbody = \"json\"", "line 2: this takes a value: { json = … }; here stands the word alone"),
        ("[http]\nbody = []", "line 2: this takes one of its words, or a table with one; here stands neither"),
        ("[http]\ntimeout_s = \"long\"", "line 2: this takes a number; here stands a text"),
        ("[http]\ntls = true", "line 2: this takes a table; here stands true or false"),
        ("[record]\ntopic = []", "line 2: this takes a text; here stands a list"),
        ("[http\n", "line 1"),
    ] {
        let refused = Draft::parse(text).expect_err(text).to_string();
        assert!(refused.contains(told), "{text:?}: {refused}");
        assert!(
            !refused.contains("::") && !refused.contains("variant") && !refused.contains("hunter2") && !refused.contains("-7") && !refused.contains("u32"),
            "{refused}"
        );
    }
    assert_eq!(Draft::parse(&"#".repeat(DRAFT_BYTES_MAX + 1)), Err(DraftError::TooLong));
}

#[test]
fn a_title_holds_neither_query_nor_host() {
    let titles: Vec<String> = all().into_iter().map(|draft| Draft { name: String::new(), ..draft }.title()).collect();
    assert_eq!(titles[0], "POST /checkout");
    assert!(titles.contains(&"PlaceOrder".to_owned()) && titles.contains(&"orders.placed".to_owned()), "{titles:?}");
    for (url, path) in [("http://h", "/"), ("http://h/a/b?c=/d", "/a/b"), ("{{base}}", "/"), ("{{base}}/a#b", "/a")] {
        assert_eq!(path_of(url), path, "{url}");
    }
}

use super::*;
use crate::send::draft::Pair;

const YAML: &str = r#"openapi: 3.1.0
info: {title: Shop, version: "1"}
servers:
  - url: https://{host}/v1/
    variables: {host: {default: shop.example}}
  - url: https://other.example
security: [{bearer: []}]
paths:
  /orders/{orderId}:
    parameters:
      - {name: orderId, in: path, required: true, schema: {type: string, format: uuid}}
      - $ref: '#/components/parameters/Page'
    get:
      operationId: getOrder
      security: []
      parameters:
        - {name: x-tenant, in: header, required: true, example: "{{tenant}}"}
        - {name: session, in: cookie, schema: {type: string}}
    put:
      summary: "Replace an order"
      requestBody: {$ref: '#/components/requestBodies/Order'}
  /uuid/{uuid}:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {a: {type: integer, minimum: 3}, b: {type: boolean}}}
components:
  parameters:
    Page: {name: page, in: query, schema: {type: integer, default: 2}}
  requestBodies:
    Order:
      content:
        text/plain: {example: x}
        application/json:
          schema: {$ref: '#/components/schemas/Order'}
  schemas:
    Base: {type: object, properties: {created: {type: string, format: date-time}}}
    Order:
      allOf:
        - $ref: '#/components/schemas/Base'
        - type: object
          properties:
            id: {type: string, readOnly: true}
            kind: {enum: [gift, plain]}
            note: {type: [string, "null"], examples: ["say {{hi}}"]}
            parent: {$ref: '#/components/schemas/Order'}
            lines:
              type: array
              items: {oneOf: [{type: "null"}, {type: object, properties: {sku: {const: lamp}, far: {$ref: 'https://evil.example/x.yaml#/a'}}}]}
  securitySchemes:
    bearer: {type: http, scheme: bearer}
"#;

#[test]
fn operations_are_drafts_with_examples_and_variables() {
    let imported = from_text(YAML).expect("a document");
    let [Request::Http(get), Request::Http(put), Request::Http(post)] = [0, 1, 2].map(|at| imported.drafts[at].request.clone()) else {
        unreachable!("requests")
    };
    assert_eq!(imported.drafts.iter().map(|draft| draft.name.as_str()).collect::<Vec<_>>(), ["Get order", "Replace an order", ""]);
    assert_eq!((get.method.as_str(), get.url.as_str(), get.auth), ("GET", "{{base}}/orders/{{orderId}}", Auth::None));
    assert_eq!(get.query, [Pair { off: true, ..Pair::new("page", "{{page}}") }]);
    assert_eq!(get.headers, [Pair::new("x-tenant", "{{x-tenant}}")]);
    assert_eq!(put.auth, Auth::Bearer { secret: "bearer".to_owned() });
    let body = "{\n  \"created\": \"2024-01-31T12:00:00Z\",\n  \"kind\": \"gift\",\n  \"lines\": [\n    {\n      \"sku\": \"lamp\"\n    }\n  ],\n  \"note\": \"say \\{{hi}}\"\n}";
    assert_eq!(put.body, Body::Json(body.to_owned()));
    assert_eq!(post.url, "{{base}}/uuid/{{uuid_value}}", "what is made anew for each request keeps its name");
    assert_eq!(post.body, Body::Form(vec![Pair::new("a", "3"), Pair::new("b", "true")]));
    let variables: Vec<(&str, &str)> = imported.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("base", "https://shop.example/v1"),
        ("orderId", "3fa85f64-5717-4562-b3fc-2c963f66afa6"),
        ("page", "2"),
        ("uuid_value", ""),
        ("x-tenant", "{{tenant}}"),
    ];
    assert_eq!(variables, expected, "values of variables are not looked into, so braces stand for themselves there");
    for note in ["2 servers", "cookies", "another document is not fetched: https://evil.example/x.yaml#/a", "secret `bearer`"] {
        assert!(imported.notes.iter().any(|told| told.contains(note)), "{note}: {:?}", imported.notes);
    }
}

#[test]
fn json_and_yaml_of_either_version_are_read_alike() {
    let value = super::super::yaml::read(YAML).expect("YAML");
    assert_eq!(from_text(&value.to_string()), from_text(YAML));
    let older =
        YAML.replace("3.1.0", "3.0.3").replace("type: [string, \"null\"], examples: [\"say {{hi}}\"]", "type: string, nullable: true, example: \"say {{hi}}\"");
    assert_eq!(from_text(&older), from_text(YAML));
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    let text = "a: [1, -2, +3, 0x1f, 0o17, 1.5, 1e3, .5, 18446744073709551615]\nb: [true, False, NULL, ~, null]\nc: [yes, no, on, 2024-01-31, 1_000, inf, .nan, 1.2.3, '1', \"true\", !!str 1, -, 0b1]\n200: ok\n\
                d: &d {x: 1, y: 2}\ne: {<<: *d, y: 3}\nf: |\n  a\n  b\ng: *d\non: 1\n";
    let expected = serde_json::json!({
        "a": [1, -2, 3, 31, 15, 1.5, 1000.0, 0.5, 18_446_744_073_709_551_615_u64], "b": [true, false, null, null, null],
        "c": ["yes", "no", "on", "2024-01-31", "1_000", "inf", ".nan", "1.2.3", "1", "true", "1", "-", "0b1"], "200": "ok",
        "d": {"x": 1, "y": 2}, "e": {"x": 1, "y": 3}, "f": "a\nb\n", "g": {"x": 1, "y": 2}, "on": 1,
    });
    let text = text.replace(" -, 0b1", " \"-\", 0b1");
    assert_eq!(super::super::yaml::read(&text), Ok(expected));
}

/// A document with one operation that has this body and these components.
fn document(schema: &str, schemas: &str) -> String {
    format!(
        "{{\"openapi\":\"3.0.0\",\"servers\":[{{\"url\":\"http://h\"}}],\"paths\":{{\"/a\":{{\"post\":{{\"requestBody\":{{\"content\":{{\"application/json\":{{\"schema\":{schema}}}}}}}}}}}}},\
         \"components\":{{\"schemas\":{{{schemas}}}}}}}"
    )
}

#[test]
fn references_end_wherever_they_lead() {
    let a = "{\"$ref\":\"#/components/schemas/A\"}";
    for (schemas, body, note) in [
        (format!("\"A\":{a}"), "{}", "in a circle"),
        (format!("\"A\":{{\"properties\":{{\"x\":{a},\"y\":{{\"type\":\"string\"}}}}}}"), "{\"y\":\"string\"}", ""),
        (format!("\"A\":{{\"type\":\"array\",\"items\":{a}}}"), "[]", ""),
        (format!("\"A\":{{\"allOf\":[{a}]}}"), "{}", ""),
        (format!("\"A\":{{\"oneOf\":[{a},{a}]}}"), "{}", ""),
        (format!("\"A\":{{\"additionalProperties\":{a}}}"), "{}", ""),
        (String::new(), "{}", "leads nowhere"),
        ("\"A\":true".to_owned(), "{}", ""),
        ("\"A\":[1]".to_owned(), "{}", ""),
        ("\"A\":{\"type\":7,\"properties\":[],\"items\":1,\"enum\":{}}".to_owned(), "{}", ""),
    ] {
        let imported = from_text(&document(a, &schemas)).expect("a document");
        let Request::Http(http) = &imported.drafts[0].request else { unreachable!("a request") };
        let Body::Json(text) = &http.body else { unreachable!("JSON: {http:?}") };
        assert_eq!(text.replace(['\n', ' '], ""), body, "{schemas}");
        assert!(note.is_empty() || imported.notes.iter().any(|told| told.contains(note)), "{schemas}: {:?}", imported.notes);
    }
    let escaped = document("{\"$ref\":\"#/components/schemas/a~1b%20c\"}", "\"a/b c\":{\"default\":7}");
    assert!(matches!(&from_text(&escaped).expect("a document").drafts[0].request, Request::Http(HttpDraft { body: Body::Json(text), .. }) if text == "7"));
}

#[test]
fn what_is_no_server_or_holds_a_credential_is_told() {
    for (servers, base, note) in [
        ("", "http://localhost", "no server"),
        ("[{\"url\":\"/v1\"}]", "http://localhost/v1", "no server"),
        ("[{\"url\":\"https://joe:hunter2Zq7@h/\"}]", "https://h", "user and a password"),
        ("[{\"url\":\"ftp://h\"}]", "http://localhost/ftp://h", "no server"),
        ("[{\"url\":\"https://{x}.h\"}]", "https://.h", "variable x"),
    ] {
        let servers = if servers.is_empty() { String::new() } else { format!("\"servers\":{servers},") };
        let text = format!("{{\"openapi\":\"3.0.0\",{servers}\"paths\":{{\"/a{{b{{}}\\\\{{c}}{{\":{{\"get\":{{}}}}}}}}");
        let imported = from_text(&text).expect("a document");
        assert_eq!(imported.variables["base"], base);
        assert!(imported.notes.iter().any(|told| told.contains(note)) && !format!("{imported:?}").contains("hunter"), "{:?}", imported.notes);
        let Request::Http(http) = &imported.drafts[0].request else { unreachable!("a request") };
        assert_eq!(http.url, "{{base}}/a{{b_}}%5C{{c}}%7B");
    }
}

#[test]
fn files_of_a_form_are_parts_of_their_own_and_operations_are_told_apart() {
    let form = r##"{"multipart/form-data":{"schema":{"$ref":"#/components/schemas/Body"}}}"##;
    let properties = [
        r#""old":{"type":"string","format":"binary"}"#,
        r#""new":{"type":"string","contentMediaType":"application/octet-stream"}"#,
        r#""maybe":{"anyOf":[{"type":"string","contentMediaType":"application/octet-stream"},{"type":"null"}]}"#,
        r#""several":{"type":"array","items":{"type":"string","format":"binary"}}"#,
        r#""encoded":{"type":"string","contentMediaType":"image/png","contentEncoding":"base64"}"#,
        r#""note":{"type":"string"}"#,
    ];
    let operation = |summary: &str| format!("{{\"summary\":{summary:?},\"requestBody\":{{\"content\":{form}}}}}");
    let long = "a ".repeat(40);
    let text = format!(
        "{{\"openapi\":\"3.1.0\",\"paths\":{{\"/a\":{{\"post\":{}}},\"/b\":{{\"post\":{},\"put\":{},\"get\":{{\"operationId\":\"list_allOrders2Go\"}}}},\"/c\":{{\"get\":{}}}}},\
         \"components\":{{\"schemas\":{{\"Body\":{{\"type\":\"object\",\"properties\":{{{}}}}}}}}}}}",
        operation("Upload File"),
        operation("Upload file"),
        operation("Replace"),
        operation(&long),
        properties.join(",")
    );
    let imported = from_text(&text).expect("a document");
    let Request::Http(http) = &imported.drafts[0].request else { unreachable!("a request") };
    let Body::Multipart(parts) = &http.body else { unreachable!("a form: {http:?}") };
    let mut parts: Vec<(&str, &str, &str)> = parts.iter().map(|part| (part.name.as_str(), part.file.as_str(), part.value.as_str())).collect();
    parts.sort_unstable();
    let file = |name| (name, "upload.bin", "");
    assert_eq!(parts, [("encoded", "", "string"), file("maybe"), file("new"), ("note", "", "string"), file("old"), file("several")]);
    assert!(imported.notes.iter().any(|note| note.contains("put upload.bin into the folder of requests")), "{:?}", imported.notes);
    let mut titles: Vec<String> = imported.drafts.iter().map(Draft::title).collect();
    titles.sort_unstable();
    // Two of one name and a long one are called by method and path.
    assert_eq!(titles, ["GET /c", "List all orders2 go", "POST /a", "POST /b", "Replace"]);
}

use super::*;
use crate::send::draft::{Pair, Part, SchemaFrom};

/// As Chrome copies for bash.
const CHROME: &str = r#"curl 'https://shop.example/api/checkout?x=1' \
  -X 'PUT' \
  -H 'accept: application/json, text/plain, */*' \
  -H 'accept-language: en-US,en;q=0.9' \
  -H 'content-type: application/json' \
  -b 'session=hunter2Zq7; theme=dark' \
  -H 'origin: https://shop.example' \
  -H 'sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"' \
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64)' \
  --data-raw $'{"note":"it\'s \u0021 \\u00e9\\n{{x}}","n":1}' \
  --compressed"#;

#[test]
fn a_line_of_chrome_is_a_draft() {
    let (http, notes) = http(CHROME);
    assert_eq!((http.method.as_str(), http.url.as_str()), ("PUT", "https://shop.example/api/checkout?x=1"));
    assert_eq!(http.body, Body::Json("{\"note\":\"it's ! \\u00e9\\n\\{{x}}\",\"n\":1}".to_owned()));
    assert_eq!(header(&http, "sec-ch-ua"), Some("\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\""));
    assert_eq!(header(&http, "content-type"), None, "a body of JSON says so by itself");
    assert!(header(&http, "cookie").is_none() && !format!("{http:?} {notes:?}").contains("hunter"));
    assert_eq!(notes, ["Cookies were left out. Write the header again where they are no secret."]);
}

#[test]
fn lines_of_firefox_are_drafts_one_after_the_other() {
    let text = "curl 'http://localhost:8080/a' --compressed -H 'User-Agent: Mozilla/5.0' -H 'DNT: 1' -H 'Connection: keep-alive' -H 'Host: localhost:8080' ;\n\
                curl 'http://localhost:8080/b' -X POST -H 'Content-Type: application/x-www-form-urlencoded' --data-raw 'a=1&b=%C3%BC+x' &\r\n\
                curl \\\r\n  'http://localhost:8080/c' \\\r\n  -H 'x: y' 2>/dev/null | jq .";
    let imported = from_text(text).expect("three lines");
    let [Request::Http(a), Request::Http(b), Request::Http(c)] = [0, 1, 2].map(|at| imported.drafts[at].request.clone()) else { unreachable!("requests") };
    assert_eq!(a.headers.iter().map(|pair| pair.name.as_str()).collect::<Vec<_>>(), ["User-Agent", "DNT", "Host"]);
    assert_eq!(b.body, Body::Form(vec![Pair::new("a", "1"), Pair::new("b", "ü x")]));
    assert_eq!((c.url.as_str(), header(&c, "x")), ("http://localhost:8080/c", Some("y")));
    assert!(imported.notes.iter().any(|note| note.contains("Another command")), "{:?}", imported.notes);
    assert!(imported.notes.iter().any(|note| note.contains("answer was to be written")), "{:?}", imported.notes);
}

#[test]
fn options_of_curl_mean_what_its_manual_says() {
    for (line, method, url, body) in [
        ("curl h", "GET", "http://h", Body::None),
        ("$ curl -sSL h/a", "GET", "http://h/a", Body::None),
        ("/usr/bin/curl -sSLXPOST h", "POST", "http://h", Body::None),
        ("http_proxy=x curl --request=DELETE --url h", "DELETE", "http://h", Body::None),
        ("curl -I h", "HEAD", "http://h", Body::None),
        ("curl h -d a=1 -d b=2", "POST", "http://h", Body::Form(vec![Pair::new("a", "1"), Pair::new("b", "2")])),
        ("curl h -da=1", "POST", "http://h", Body::Form(vec![Pair::new("a", "1")])),
        ("curl -G h/a?x=1#f -d a=1 --data-urlencode 'b=ü &'", "GET", "http://h/a?x=1&a=1&b=%C3%BC+%26#f", Body::None),
        ("curl --url-query 'a=b c' h", "GET", "http://h?a=b+c", Body::None),
        ("curl h --data-urlencode 'a=1&2' --data-urlencode x=", "POST", "http://h", Body::Form(vec![Pair::new("a", "1&2"), Pair::new("x", "")])),
        ("curl h --json '{\"a\":1}'", "POST", "http://h", Body::Json("{\"a\":1}".to_owned())),
        ("curl h --json '{' --json '\"a\":1}'", "POST", "http://h", Body::Json("{\"a\":1}".to_owned())),
        ("curl h -H content-type:application/vnd.a+json -d '{}'", "POST", "http://h", Body::Json("{}".to_owned())),
        ("curl h -H 'Content-Type: text/plain; charset=utf-8' --data-raw @a", "POST", "http://h", Body::Text("@a".to_owned())),
        ("curl h -H 'Content-Type: application/octet-stream' --data-binary @./a/b.bin", "POST", "http://h", Body::File("a/b.bin".to_owned())),
        ("curl h --data-binary @../../etc/passwd", "POST", "http://h", Body::None),
        ("curl h -d @/etc/passwd", "POST", "http://h", Body::None),
        ("curl h -d @~/x", "POST", "http://h", Body::None),
        ("curl h -d @-", "POST", "http://h", Body::None),
        ("curl h -H 'content-type: a/b' --data-binary $'\\x00\\xff'", "POST", "http://h", Body::Hex("00ff".to_owned())),
        ("printf '%s' 'a=1' | curl h -d @-", "POST", "http://h", Body::Form(vec![Pair::new("a", "1")])),
        ("curl h -- -d", "GET", "http://-d", Body::None),
    ] {
        // The first of several addresses is what is looked at.
        let imported = from_text(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let Request::Http(http) = imported.drafts.last().expect("a draft").request.clone() else { unreachable!("a request") };
        assert_eq!((http.method.as_str(), http.url.as_str()), (method, url), "{line}");
        let is_left_out = matches!(http.body, Body::None) && line.contains('@');
        assert_eq!(http.body, body, "{line}");
        assert_eq!(is_left_out, imported.notes.iter().any(|note| note.contains("body")), "{line}: {:?}", imported.notes);
    }
    let (form, notes) = http(
        "curl h -F a=1 -F 'f=@x/a.png;type=image/png' -F 'b=\"x;y\";type=text/plain' --form-string 'c=@z;x' -F g=@/etc/passwd -F 'h=1;filename=z;type=text/csv;charset=utf-8;encoder=base64'",
    );
    let part = |name: &str, value: &str, file: &str, kind: &str| Part {
        name: name.to_owned(),
        value: value.to_owned(),
        file: file.to_owned(),
        content_type: kind.to_owned(),
    };
    let parts = [
        part("a", "1", "", ""),
        part("f", "", "x/a.png", "image/png"),
        part("b", "x;y", "", "text/plain"),
        part("c", "@z;x", "", ""),
        part("h", "1", "", "text/csv; charset=utf-8"),
    ];
    assert_eq!((form.method.as_str(), form.body), ("POST", Body::Multipart(parts.to_vec())));
    assert_eq!(notes.len(), 3, "{notes:?}");
    for setting in ["filename", "encoder"] {
        assert!(notes.contains(&format!("The setting {setting} of the part h of a form has no counterpart; it was left out.")), "{notes:?}");
    }
    let (other, notes) = http(
        "curl h -A agent -e http://r -k -m 2.5 --cacert ca.pem -E 'id.pem:hunter2Zq7' --http2 --retry 3 --resolve h:1:2 -x http://u:hunter2Zq7@p --frob -H 'X-Empty;' -H 'Accept:'",
    );
    assert_eq!(
        (header(&other, "user-agent"), header(&other, "referer"), header(&other, "x-empty"), header(&other, "accept")),
        (Some("agent"), Some("http://r"), Some(""), None)
    );
    assert!(other.tls.unchecked && other.tls.root_certificates == "ca.pem" && other.tls.identity == "id.pem");
    assert!((other.timeout_s - 2.5).abs() < f64::EPSILON);
    for note in ["--insecure", "password of a certificate", "--proxy", "--resolve", "--frob is not known"] {
        assert!(notes.iter().any(|told| told.contains(note)), "{note}: {notes:?}");
    }
    assert!(!format!("{notes:?}").contains("hunter"));
    let imported = from_text("curl h/a h/b -d 1 --next h/c").expect("three");
    assert_eq!(imported.drafts.iter().map(Draft::title).collect::<Vec<_>>(), ["POST /a", "POST /b", "GET /c"]);
}

#[test]
fn credentials_of_a_line_become_names() {
    let basic = |user: &str, secret: &str| Auth::Basic { user: user.to_owned(), secret: secret.to_owned() };
    for (line, auth) in [
        ("curl h -u joe:hunter2Zq7", basic("joe", "password")),
        ("curl h -ujoe:hunter2Zq7", basic("joe", "password")),
        ("curl h --user joe:\"$SHOP_PASSWORD\"", basic("joe", "shop_password")),
        ("curl http://joe:hunter2Zq7@h/", basic("joe", "password")),
        ("curl http://jo%65@h/", basic("joe", "password")),
        ("curl h -H 'Authorization: Basic am9lOmh1bnRlcjJacTc='", basic("joe", "password")),
        ("curl h -H 'authorization: bearer hunter2Zq7'", Auth::Bearer { secret: "token".to_owned() }),
        ("curl h -H \"Authorization: Bearer $API_TOKEN\"", Auth::Bearer { secret: "api_token".to_owned() }),
        ("curl h -H \"Authorization: Bearer ${API_TOKEN}\"", Auth::Bearer { secret: "api_token".to_owned() }),
        ("curl h -H 'Authorization: Bearer $API_TOKEN'", Auth::Bearer { secret: "token".to_owned() }),
        ("curl h --oauth2-bearer hunter2Zq7", Auth::Bearer { secret: "token".to_owned() }),
        ("curl h -H 'Authorization: AWS4-HMAC-SHA256 hunter2Zq7'", Auth::ApiKey { header: "authorization".to_owned(), secret: "authorization".to_owned() }),
        ("curl h -H 'X-Api-Key: hunter2Zq7'", Auth::ApiKey { header: "x-api-key".to_owned(), secret: "x_api_key".to_owned() }),
        ("curl h -H 'X-Api-Key: hunter2Zq7' -u joe:hunter2Zq7", basic("joe", "password")),
        ("curl h -H 'x-own: '\"$OWN\"", Auth::ApiKey { header: "x-own".to_owned(), secret: "own".to_owned() }),
        ("curl h -H 'Proxy-Authorization: Basic hunter2Zq7' -H 'Cookie: hunter2Zq7' -b hunter2Zq7", Auth::None),
    ] {
        let (http, notes) = http(line);
        assert_eq!(http.auth, auth, "{line}");
        assert!(!format!("{http:?} {notes:?}").contains("hunter"), "{line}: {http:?} {notes:?}");
        let secret = auth.secret().map(|secret| format!("called `{secret}`"));
        assert!(secret.is_none_or(|secret| notes.iter().any(|note| note.contains(&secret) && note.contains("[[secrets]]"))), "{line}: {notes:?}");
    }
}

#[test]
fn nothing_in_a_line_is_expanded_or_run() {
    let (http, notes) = http("curl \"http://h/$(id)/`id`/$HOME\" -H 'x: $(id) {{uuid}} \\{{a}}' -d \"{{ process.env }}\"");
    assert_eq!(http.url, "http://h/$(id)/`id`/$HOME");
    assert_eq!(header(&http, "x"), Some("$(id) \\{{uuid}} \\\\{{a}}"));
    assert_eq!(http.body, Body::Text("\\{{ process.env }}".to_owned()));
    assert!(notes.iter().any(|note| note.contains("stands as it is written")), "{notes:?}");
}

#[test]
fn a_line_of_grpcurl_is_a_call() {
    let (call, notes) = grpc(
        "grpcurl -plaintext -import-path ./protos -proto shop/v1/orders.proto -H 'x-tenant: a' -rpc-header=x-b:c -H 'authorization: Bearer hunter2Zq7' -authority shop \
         -max-time 5 -d '{\"sku\": \"{{lamp}}\"} {\"sku\": \"chair\"}' localhost:50051 shop.v1.Orders/PlaceOrder",
    );
    assert_eq!((call.url.as_str(), call.method.as_str()), ("http://localhost:50051", "shop.v1.Orders/PlaceOrder"));
    assert_eq!(call.messages, ["{\"sku\": \"\\{{lamp}}\"}", "{\"sku\": \"chair\"}"]);
    assert_eq!(call.metadata, [Pair::new("x-tenant", "a"), Pair::new("x-b", "c")]);
    assert_eq!(call.schema, SchemaFrom::Protos { files: vec!["shop/v1/orders.proto".to_owned()], roots: vec!["protos".to_owned()] });
    assert_eq!(call.auth, Auth::Bearer { secret: "token".to_owned() });
    assert!((call.deadline_s - 5.0).abs() < f64::EPSILON && call.authority == "shop" && !format!("{notes:?}").contains("hunter"));
    let (call, notes) = grpc("grpcurl --insecure -protoset=/etc/x.pb -cacert ca.pem -cert id.pem -key id.pem -d @ shop:443 shop.v1.Orders.PlaceOrder");
    assert_eq!((call.url.as_str(), &call.schema, call.messages.len()), ("https://shop:443", &SchemaFrom::Reflection, 1));
    assert!(call.tls.unchecked && call.tls.root_certificates == "ca.pem" && call.tls.identity == "id.pem");
    assert!(notes.iter().any(|note| note.contains("-protoset")) && notes.iter().any(|note| note.contains("-d @")), "{notes:?}");
    let (call, notes) = grpc("grpcurl -d '{oops' h:1 a.B/C");
    assert_eq!(call.messages, ["{oops"]);
    assert!(notes.iter().any(|note| note.contains("no JSON")));
}

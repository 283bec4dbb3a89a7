//! What is found and what is left, as tables; and cuts.

use super::*;

mod any_text;
mod ordinary_lines;

/// The secret in the texts.
const SECRET: &str = "hunter2Zq7";

fn redactor() -> Redactor {
    Redactor::new([7; 16], &["x-tenant-secret".to_owned()])
}

/// What becomes of a text; it is as it was where nothing is found.
fn redacted(text: &str) -> String {
    redactor().redact_text(text).unwrap_or_else(|| text.to_owned())
}

#[test]
fn texts_keep_no_secret_and_all_that_is_beside_it() {
    // `§` stands for the secret. What stands after `¦` must stay.
    let texts = [
        // JSON, as it is written and as it is quoted.
        r#"{"password":"§","pool":5}¦"pool":5}"#,
        r#"{"password" : "§","pool":5}¦"pool":5}"#,
        r#"{"user":"joe","password"	:	"§"}¦"user":"joe""#,
        "{\n  \"password\":\n    \"§\",\n  \"pool\": 5\n}¦\"pool\": 5",
        r#"{"dbPassword":"§","a":1}¦"a":1"#,
        r#"{"user_password":"§","a":1}¦"a":1"#,
        r#"{"password":"hun\"§","a":1}¦"a":1"#,
        r#"{"payload":"{\"password\":\"§\",\"a\":1}","b":2}¦\"a\":1}","b":2"#,
        r#"{"payload":"{\"password\" : \"§\",\"a\":1}","b":2}¦\"a\":1}","b":2"#,
        r#"{"a":"{\"b\":\"{\\\"password\\\":\\\"§\\\",\\\"c\\\":1}\"}","d":2}¦\\\"c\\\":1}\"}","d":2"#,
        r#"{"a":"{\"b\":\"{\\\"c\\\":\\\"{\\\\\\\"apiKey\\\\\\\":\\\\\\\"§\\\\\\\",\\\\\\\"e\\\\\\\":1}\\\"}\"}","d":2}¦\\\\\\\"e\\\\\\\":1}\\\"}\"}","d":2"#,
        r#"{"a":"{\u0022password\u0022:\u0022§\u0022,\u0022b\u0022:1}"}¦\u0022b\u0022:1"#,
        r#"{\"credentials\":{\"user\":\"}joe\",\"key\":\"§\"},\"a\":1}¦\"a\":1"#,
        r#"{"credentials": {"user": "}joe", "pin": ["§"]}, "a": 1}¦"a": 1"#,
        r#"{"passwords":["§","§2"],"a":1}¦"a":1"#,
        r#"[{"name":"DB_PASSWORD","value":"§"},{"name":"HOME","value":"/root"}]¦"name":"HOME","value":"/root""#,
        r#"{"key": "password", "value": {"stringValue": "§"}}¦"key": "password""#,
        r"{'password': '§', 'a': 1}¦'a': 1",
        r"{'password': b'§', 'a': 1}¦'a': 1",
        "&quot;password&quot;:&quot;§&quot;,&quot;a&quot;:1¦&quot;a&quot;:1",
        "- name: DB_PASSWORD\n  value: §\n- name: HOME\n  value: /root¦- name: HOME\n  value: /root",
        "env:\n- name: \"DB_PASSWORD\"\n  value: \"§\"\n- name: HOME¦- name: HOME",
        r#"{"yaml":"- name: DB_PASSWORD\n  value: §\n- name: HOME","a":1}¦"a":1"#,
        "{\n  \"name\": \"DB_PASSWORD\",\n  \"value\": \"§\"\n}¦\"name\": \"DB_PASSWORD\"",
        "EnvVar(name=DB_PASSWORD, value=§, valueFrom=null)¦, valueFrom=null)",
        "{ name = \"DB_PASSWORD\", value = \"§\" }¦name = \"DB_PASSWORD\"",
        // Settings, variables, objects written out.
        "password = §",
        "password: §",
        "password=§ user=joe¦user=joe",
        r#"password="§" user=joe¦user=joe"#,
        "password='§ §' user=joe¦user=joe",
        "DB_PASSWORD=§",
        "export DB_PASSWORD=§ PORT=80¦PORT=80",
        "SPRING_DATASOURCE_PASSWORD=§",
        "spring.datasource.password=§",
        "java -Dspring.datasource.password=§ -jar orders.jar¦-jar orders.jar",
        "PGPASSWORD=§ psql -h db¦psql -h db",
        "User(name=joe, password=§, age=5)¦, age=5)",
        "User{name='joe', password='§', age=5}¦, age=5}",
        "{password=§, user=joe}¦user=joe",
        "{:password=>\"§\", :user=>1}¦:user=>1",
        "Map(password -> §, user -> joe)¦user -> joe",
        "Credentials[secretAccessKey=§, region=eu]¦region=eu",
        "login failed for joe, password: §, 3 times¦3 times",
        "user[password]=§&user[name]=joe¦user[name]=joe",
        "clientSecret: §",
        "secretAccessKey = §",
        "api key: §",
        "password := §",
        "Field error in object 'user' on field 'password': rejected value [§]; codes [Size]¦codes [Size]",
        r#"sasl.jaas.config = org.apache.kafka.common.security.plain.PlainLoginModule required username="joe" password="§";¦username="joe""#,
        r#"sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"joe\" password=\"§\";¦username=\"joe\""#,
        "--password § --port 80¦--port 80",
        "mysqldump --password=§ shop¦ shop",
        r#"["--token","§","--port","80"]¦"--port","80""#,
        "curl --user joe:§ http://shop.local/¦http://shop.local/",
        "CREATE USER joe IDENTIFIED BY '§'¦CREATE USER joe",
        "ALTER ROLE joe WITH PASSWORD '§' LOGIN¦ LOGIN",
        // Headers.
        "Authorization: Token §",
        "Authorization: §",
        "GET / HTTP/1.1\r\nAuthorization: Token §\r\nHost: shop\r\n¦Host: shop",
        "curl -H 'Authorization: Token §' http://shop.local/¦http://shop.local/",
        r#"Authorization: Digest username="joe", realm="shop", nonce="§", response="§3""#,
        r#"{"headers":"Accept: */*\nAuthorization: Token §\nHost: shop","next":1}¦"next":1"#,
        "{Authorization=[Token §], Accept=[*/*]}¦Accept=[*/*]",
        r#"[Authorization:"Bearer §", Accept:"*/*"]¦Accept:"*/*""#,
        "Proxy-Authorization: Negotiate §",
        "X-Api-Key: §",
        "x-api-key: §\nhost: shop¦host: shop",
        "X-Auth-Token:§",
        "Cookie: JSESSIONID=§; theme=§2",
        "Set-Cookie: sid=§; Path=/; HttpOnly",
        "Ocp-Apim-Subscription-Key: §",
        "login with Bearer § failed¦ failed",
        "bearer §",
        "Basic dXNlcjp§",
        // Markup.
        "<password>§</password><user>joe</user>¦<user>joe</user>",
        "<wsse:Password Type=\"PasswordText\">§</wsse:Password><a/>¦<a/>",
        "<password><![CDATA[§]]></password><a/>¦]]></password><a/>",
        "<credentials>\n <user>joe</user><pin>§</pin>\n</credentials><a/>¦<a/>",
        r#"<user name="joe" password="§"/>¦name="joe""#,
        "<property name=\"a\">1</property><db.password>§</db.password>¦<property name=\"a\">1</property>",
        r#"<property name="password" value="§"/><property name="url" value="jdbc:h2:mem"/>¦<property name="url" value="jdbc:h2:mem"/>"#,
        r#"{"xml":"<property name=\"password\" value=\"§\"/>","a":1}¦/>","a":1}"#,
        r#"<entry key="password">§</entry><entry key="pool">5</entry>¦</entry><entry key="pool">5</entry>"#,
        r"<prop key='db.password'>§</prop><a/>¦</prop><a/>",
        r#"<property name="password"><value>§</value></property><a/>¦</property><a/>"#,
        r#"{"xml":"<entry key=\"password\">§<\/entry>","a":1}¦<\/entry>","a":1}"#,
        r#"{"xml":"<password>§<\/password>","a":1}¦<\/password>","a":1}"#,
        r#"{"xml":"<credentials>\n <pin>§</pin>\n</credentials>","a":1}¦</credentials>","a":1}"#,
        // The same as writers of JSON escape it.
        r#"{"xml":"\u003cpassword\u003e§\u003c/password\u003e","a":1}¦\u003cpassword\u003e"#,
        r#"{"xml":"\u003cpassword\u003e§\u003c/password\u003e","a":1}¦\u003c/password\u003e","a":1}"#,
        r#"{"xml":"\u003Cpassword a=\"b\"\u003E§\u003C\/password\u003E","a":1}¦\u003C\/password\u003E","a":1}"#,
        r#"{"a":"{\"xml\":\"\\u003cpassword\\u003e§\\u003c/password\\u003e\",\"b\":1}"}¦\\u003c/password\\u003e\",\"b\":1}"#,
        r#"{"xml":"\u003cpassword\u003e\u003c![CDATA[§]]\u003e\u003c/password\u003e","a":1}¦]]\u003e\u003c/password\u003e","a":1}"#,
        r#"{"xml":"\u003ccredentials\u003e\n \u003cpin\u003e§\u003c/pin\u003e\u003c/credentials\u003e","a":1}¦\u003c/credentials\u003e","a":1}"#,
        r#"{"xml":"\u003centry key=\"password\"\u003e§\u003c/entry\u003e","a":1}¦\u003c/entry\u003e","a":1}"#,
        r#"{"query":"password\u003d§\u0026page\u003d2"}¦\u0026page\u003d2"}"#,
        // Addresses and what is sent in them.
        r#"{"url":"https:\/\/joe:§@db.local\/x"}¦@db.local\/x"}"#,
        r#"{"a":"{\"url\":\"https:\\\/\\\/joe:§@db.local\\\/x\"}"}¦@db.local\\\/x\"}"}"#,
        "https://joe:§@db.local/x¦@db.local/x",
        "postgres://joe:p/§@db.local/x¦@db.local/x",
        "amqp://joe:§@rabbit:5672 is down¦@rabbit:5672 is down",
        "redis://:§@cache:6379/0¦@cache:6379/0",
        "mongodb+srv://joe:§@a.b.net/shop?retryWrites=true¦?retryWrites=true",
        "jdbc:mysql://db/shop?user=joe&password=§&useSSL=true¦&useSSL=true",
        "jdbc:oracle:thin:joe/§@db:1521/shop¦@db:1521/shop",
        "Server=db;User Id=sa;Password=§;Encrypt=true¦;Encrypt=true",
        "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=§Ab12345==;x=1¦AccountName=shop",
        "Endpoint=sb://shop.net/;SharedAccessKeyName=root;SharedAccessKey=§¦SharedAccessKeyName=root",
        "https://a/b?sig=§Ab1&x=1¦&x=1",
        "https://a/b?access_token=§&page=2¦&page=2",
        "https://a/b?X-Amz-Signature=§&X-Amz-Date=1¦&X-Amz-Date=1",
        "https://a/?next=https%3A%2F%2Fb%2F%3Ftoken%3D§%26page%3D2¦%26page%3D2",
        "grant_type=password&username=joe&password=§¦grant_type=password&username=joe",
        "x-tenant-secret: §",
        // Behind letters that are not English.
        "Größe é password=§ ü¦Größe é",
        "contraseña ok; token=§¦contraseña ok",
    ];
    for row in texts {
        let (text, stays) = row.split_once('¦').unwrap_or((row, ""));
        let text = text.replace('§', SECRET);
        let clean = redacted(&text);
        assert!(!clean.contains(SECRET), "{text}\n{clean}");
        assert!(clean.contains("redacted:"), "{text}\n{clean}");
        assert!(clean.contains(stays), "{text}\n{clean}\n{stays}");
        assert_eq!(redacted(&clean), clean, "a second look changes something");
    }
}

#[test]
fn tokens_are_told_by_their_shape() {
    let body = "q7Zk3Wb9Xr5Tn1Vm8Ls2Pd6Fh4Gj0Yc7Be3Ka9Mu";
    let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let (a, h) = (|len: usize| &body[..len], |len: usize| &hex[..len]);
    let tokens = [
        format!("ghp_{}", a(36)),
        format!("gho_{}", a(36)),
        format!("ghs_{}", a(36)),
        format!("github_pat_11ABCDEFG0{}_{}", a(12), a(40)),
        format!("glpat-{}", a(20)),
        format!("glpat-{}-{}", a(9), a(10)),
        format!("xoxb-123456789012-1234567890123-{}", a(24)),
        format!("xoxp-123456789012-{}", a(24)),
        format!("xapp-1-A0123456789-1234567890123-{}", h(64)),
        format!("https://hooks.slack.com/services/T00000000/B00000000/{}", a(24)),
        format!(r"https:\/\/hooks.slack.com\/services\/T00000000\/B00000000\/{}", a(24)),
        format!("https://discord.com/api/webhooks/123456789012345678/{}", a(40)),
        format!("sk_live_{}", a(24)),
        format!("rk_test_{}", a(24)),
        format!("whsec_{}", a(32)),
        format!("AIza{}", a(35)),
        format!("ya29.{}", a(40)),
        format!("GOCSPX-{}", a(28)),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "ASIAIOSFODNN7EXAMPLE".to_owned(),
        format!("npm_{}", a(36)),
        format!("pypi-AgEIcHlwaS5vcmc{}{}", a(40), a(40)),
        format!("dckr_pat_{}", a(27)),
        format!("SG.{}.{}", a(22), a(40)),
        format!("sk-ant-api03-{}", a(40)),
        format!("sk-{}", a(40)),
        format!("hf_{}", a(34)),
        format!("dop_v1_{}", h(64)),
        format!("shpat_{}", h(32)),
        format!("SK{}", h(32)),
        format!("hvs.{}", a(40)),
        format!("glsa_{}_{}", a(32), h(8)),
        format!("123456789:{}", a(35)),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}", a(40)),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.".to_owned(),
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", a(40)),
        format!("-----BEGIN RSA PRIVATE KEY-----\\n{}\\n-----END RSA PRIVATE KEY-----", a(40)),
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}", a(40)),
        format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n{}\n-----END PGP PRIVATE KEY BLOCK-----", a(40)),
        "4111 1111 1111 1111".to_owned(),
        "4111-1111-1111-1111".to_owned(),
        "4111111111111111".to_owned(),
        "5555555555554444".to_owned(),
        "2223003122003222".to_owned(),
        "378282246310005".to_owned(),
        "3782 822463 10005".to_owned(),
        "6011111111111117".to_owned(),
        "30569309025904".to_owned(),
        "3530111333300000".to_owned(),
    ];
    // At every place of the blocks that are compared at once, in what stands around it.
    for token in &tokens {
        for (before, behind) in
            [("", ""), ("a ", " b"), ("{\"x\":\"", "\",\"y\":1}"), ("said: '", "'"), ("(", ")"), ("line\\n", "\\nline"), ("x=", "&y=1"), ("{\"x\":", "}")]
        {
            for pad in 0..34 {
                let text = format!("{}{before}{token}{behind}", "!/ ".repeat(12).get(..pad).unwrap_or_default());
                if before.ends_with("\\n") && token.as_bytes()[0].is_ascii_digit() {
                    continue;
                }
                let clean = redacted(&text);
                let secret = &token[token.len() - 8..];
                assert!(!clean.contains(secret) || token.ends_with("-----"), "{text}\n{clean}");
                assert!(clean.contains("redacted:") && !clean.contains(a(20)), "{text}\n{clean}");
            }
        }
    }
}

#[test]
fn what_only_looks_like_a_secret_stays_readable() {
    for text in [
        "https://shop.local/orders/4711?page=2",
        r#"{"orderId": 4711, "note": "ok"}"#,
        "plain text that is long enough",
        "a=b&c=d&eee=f",
        // Names that mean something else.
        r#"{"token_count": 512, "max_tokens": 4096, "password_policy": "strict", "key": "4711"}"#,
        "max_tokens=4096 token_type=bearer key=order-4711",
        "key: order-4711, partition: 3",
        "nextPageToken=CAUQAA page_token: abc123",
        "password_policy: min 12 characters",
        "ssl.keystore.location = /etc/kafka/keystore.jks",
        "key.deserializer = class org.apache.kafka.common.serialization.StringDeserializer",
        "delegation.token.expiry.time.ms = 86400000",
        "public_key=ssh-ed25519",
        "author: Joe, authority: shop.local",
        "session.timeout.ms = 45000",
        "primary key: order_id",
        // Nothing, masks and references.
        r#"{"password":null,"token":"","secret":"***","apiKey":"[REDACTED]"}"#,
        "ssl.key.password = null",
        "ssl.truststore.password = [hidden]",
        "sasl.jaas.config = [hidden]",
        "password=${DB_PASSWORD}",
        "password: ********",
        "Credentials=[PROTECTED], Authenticated=true",
        "has_password=true use_token=false",
        "password=%s",
        "token == null",
        // Sentences.
        "Unexpected token: END_OBJECT at line 3",
        "Unexpected token '}' in JSON",
        "Unrecognized token 'abc': was expecting (JSON String, Number)",
        "token: EOF",
        "password: must not be blank",
        "Authorization: failed for user joe",
        "Cookie: too large",
        "signature: verification failed",
        "auth: not required",
        "session: opened",
        "Failed password for invalid user admin from 10.0.0.7 port 22 ssh2",
        "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.7",
        "sudo: joe : TTY=pts/0 ; PWD=/home/joe ; USER=root ; COMMAND=/usr/bin/apt update",
        "Using basic authentication for shop.local",
        "Bearer authentication is required",
        "WWW-Authenticate was sent; basic configuration loaded",
        "usage: login <user> <password> [options]",
        "session id = 0x1000000a1b20000, negotiated timeout = 18000",
        "Built full fetch (sessionId=INVALID, epoch=INITIAL) for node 1",
        "at com.shop.Pay.<init>(Pay.java:7)",
        "exited with sig=11 core=0",
        // Addresses without a password.
        "ssh://git@github.com/shop/orders.git",
        "kafka://broker-1:9092,broker-2:9092/orders",
        "jdbc:postgresql://db.local:5432/shop",
        "jdbc:oracle:thin:@//db.local:1521/shop",
        "http://[::1]:4318/v1/traces",
        "mailto:joe@shop.local",
        r"https:\/\/shop.local:8080\/orders\/joe@shop.local",
        r#"{"url":"https:\/\/shop.local\/orders","at":"C:\\temp\\a"}"#,
        // Fields that say what another holds.
        "- name: LOG_LEVEL\n  value: debug\n- name: MAX_TOKENS\n  value: 4096",
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: url",
        "name: session, value: opened",
        r#"<property name="url" value="jdbc:h2:mem"/><property name="password_policy" value="strict"/>"#,
        r#"<entry key="timeout">5</entry><entry key="token_count">512</entry>"#,
        r#"<a name="password">Passwords</a><label><input type="text" name="password"> Yours</label>"#,
        r"usage: login \u003cuser\u003e \u003cpassword\u003e [options]",
        r#"{"usage":"login \u003cpassword\u003e","pool":5}"#,
        r#"{"xml":"\u003corder\u003e\u003cid\u003e4711\u003c/id\u003e\u003c/order\u003e","a":"1\u003d1"}"#,
        "password reset requested, auth failed",
        // Public parts of key pairs.
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ7q0\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n-----END PUBLIC KEY-----",
        // Ids, times and numbers.
        "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
        "order 550e8400-e29b-41d4-a716-446655440000",
        "at 1764310894123 ms, 1764310894123456 us, 1764310894123456789 ns",
        "2026-11-28 06:05:19.123 2026-11-28T06:05:19.123456789Z",
        "order 4111111111111112 of 1234567812345670",
        "ratio 0.4111111111111111 and 4111111111111111.5",
        "account 9876543210987654, invoice 2026112806051912",
        "0000000000000000 1111 1111 1111 1111",
        "npm_config_registry=https://registry.local npm_lifecycle_event=test",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "SHA256:uNiVztksCsDhcc0u9e8BrJcPBBoR3M6K5mRhzhbx1jM",
        "com.shop.orders.OrderServiceImplementation_v2-internal",
        "eyJustAWord and eyJ.eyJ",
        "sk-learn and sk-SK, hf_test, SK12",
        "AKIAIOSFODNN7EXAMPLETOOLONG",
    ] {
        assert_eq!(redactor().redact_text(text), None, "{text}");
    }
}

#[test]
fn secret_names() {
    for name in ["Authorization", "x-api-key", "http.request.header.authorization", "db.password", "Set-Cookie", "X-Tenant-Secret", "clientSecret"] {
        assert!(redactor().is_secret_name(name), "{name}");
    }
    for name in ["http.request.method", "traceparent", "order.id", "authority", "tokenizer", "author", "key"] {
        assert!(!redactor().is_secret_name(name), "{name}");
    }
}

#[test]
fn a_secret_across_the_cut_leaves_no_head() {
    const MOST: usize = 1 << 10;
    for (text, at) in [
        ("https://joe:hunter2Zq7hunter2Zq7@db.local/x", 16),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", 12),
        ("AKIAIOSFODNN7EXAMPLE", 12),
        ("ghp_q7Zk3Wb9Xr5Tn1Vm8Ls2Pd6Fh4Gj0Yc7Be3K", 12),
        ("\"password\":\"hunter2Zq7hunter2Zq7\"", 16),
        ("password=hunter2Zq7hunter2Zq7", 14),
        ("Bearer hunter2Zq7hunter2Zq7", 10),
        ("4111 1111 1111 1111", 9),
        ("Authorization: Token hunter2Zq7hunter2Zq7", 25),
        ("-----BEGIN PRIVATE KEY-----\nhunter2Zq7\n-----END PRIVATE KEY-----", 32),
    ] {
        for (fill, behind) in [(" ", 0), (" ", 100), (" ", 1 << 16), ("é ", 100)] {
            let num_fills = (MOST - at) / fill.len();
            let before = " ".repeat(MOST - at - num_fills * fill.len()) + &fill.repeat(num_fills);
            let value = format!("{before}{text}{}", " ".repeat(behind));
            let kept = redactor().keep(value.as_bytes(), MOST);
            assert!(kept.redacted && kept.cut, "{text}: {:?}", String::from_utf8_lossy(&kept.bytes[MOST - 60..]));
            let told = String::from_utf8(kept.bytes.into_owned()).expect("no character is cut in two");
            let end = told.trim_start_matches([' ', 'é']);
            for part in ["hunter", "eyJ", "AKIA", "ghp_", "1111", "joe"] {
                assert!(!end.contains(part), "{end}");
            }
        }
    }
    let plain = "é".repeat(MOST);
    let kept = redactor().keep(plain.as_bytes(), MOST - 1);
    assert_eq!((kept.bytes.len(), kept.cut, kept.redacted), (MOST - 2, true, false));
    assert_eq!(redactor().keep(b"ab", 2), Kept { bytes: Cow::Borrowed(b"ab"), redacted: false, cut: false });
}

#[test]
fn bytes_that_are_no_text_are_looked_at_too() {
    let mut framed = vec![0, 0, 0, 0, 57, 0xff];
    framed.extend_from_slice(b"{\"password\":\"a\xffhunter2Zq7\",\"a\":1}\xfe");
    let clean = redactor().redact_bytes(&framed).into_owned();
    assert!(clean.starts_with(&framed[..6]) && clean.ends_with(b",\"a\":1}\xfe"));
    assert!(!clean.windows(7).any(|part| part == b"hunter2"));
}

#[test]
fn equal_secrets_look_equal_and_keys_differ() {
    let other = Redactor::new([8; 16], &[]);
    assert_eq!(redactor().replacement(b"a"), redactor().replacement(b"a"));
    assert_ne!(redactor().replacement(b"a"), other.replacement(b"a"));
    assert_ne!(redactor().hash(&[Some(b"ab"), None]), redactor().hash(&[Some(b"a"), Some(b"b")]));
    let shown = |text: &str| redacted(text).split("redacted:").nth(1).map(|rest| rest[..6].to_owned()).expect("a secret");
    let all = [
        r#"{"password":"hunter2Zq7"}"#,
        "password=hunter2Zq7",
        "password: hunter2Zq7",
        "password='hunter2Zq7'",
        "Authorization: Token hunter2Zq7",
        "User(password=hunter2Zq7)",
        r#"{\"password\":\"hunter2Zq7\"}"#,
        "<password>hunter2Zq7</password>",
        "Bearer hunter2Zq7",
    ];
    for text in all {
        assert_eq!(shown(text), shown(all[0]), "{text}");
    }
}

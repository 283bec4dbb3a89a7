//! What it costs to look for secrets in texts as they come, beside checking that they are UTF-8.
//!
//! `cargo bench -p switchboard-model --bench redact`

#![expect(clippy::print_stdout, reason = "prints its figures")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use switchboard_model::Redactor;

/// About as long as the longest texts that are kept whole.
const LONG: usize = 64 << 10;

/// Lines or values, so many that they are [`LONG`].
fn long(one: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(LONG + 1_000);
    for number in 0.. {
        if text.len() >= LONG {
            break;
        }
        let _ = text.write_str(&one(number));
    }
    text
}

fn base64(line: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut word = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(line as u64 + 1);
    let letter = |_| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        char::from(LETTERS[(word >> 58) as usize])
    };
    (0..76).map(letter).collect()
}

fn texts() -> Vec<(&'static str, String)> {
    let line = "2026-11-28 06:05:19.123  INFO 1 --- [nio-8080-exec-1] c.s.orders.OrderController : accepted order 4711 of customer 12";
    let sql = "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1 AND o.status = 'PAID' LIMIT 10";
    let order = |number: usize| {
        format!(r#"{{"orderId":{number},"customer":"joe","total":12.5,"lines":[{{"sku":"A-17","quantity":2}}],"createdAt":"2026-11-28T06:05:19.123Z"}},"#)
    };
    let frame = |number: usize| format!("\tat com.shop.orders.OrderServiceImplementation.place{number}(OrderServiceImplementation.java:{number})\n");
    vec![
        ("a value", "orders.placed".to_owned()),
        ("a UUID", "550e8400-e29b-41d4-a716-446655440000".to_owned()),
        ("a line of a log", "Order 4711 was accepted by shipping after 12 ms and is on its way".to_owned()),
        ("a line of Spring's", line.to_owned()),
        ("an address", "https://shop.local/orders/4711?page=2&size=50&sort=created".to_owned()),
        ("a query", sql.to_owned()),
        ("an order in JSON", order(4711)),
        ("64 KiB of a stack trace", long(frame)),
        ("64 KiB of JSON", long(order)),
        ("64 KiB of addresses", long(|number| format!("https://shop{}.example.com/orders/{number}?page={number}&sort=created\n", number % 17))),
        ("64 KiB of base64", long(base64)),
        ("64 KiB of lines of base64", long(|line| base64(line) + "\n")),
        ("64 KiB of numbers", long(|number| format!("{} ", number * 7_919))),
        ("64 KiB of XML", long(|number| format!("<order id=\"{number}\"><customer>joe</customer><total>12.5</total></order>"))),
    ]
}

/// The least time that each takes in many turns, so that all meet the same disturbances.
fn least_times<const NUM: usize>(mut works: [&mut dyn FnMut(); NUM], len: usize) -> [f64; NUM] {
    let num_times = (60_000 / (len + 30)).max(1);
    let mut least = [Duration::MAX; NUM];
    for _ in 0..400 {
        for (work, least) in works.iter_mut().zip(&mut least) {
            let began = Instant::now();
            (0..num_times).for_each(|_| work());
            *least = began.elapsed().min(*least);
        }
    }
    least.map(|least| least.as_secs_f64() * 1e9 / num_times as f64)
}

fn main() {
    let redactor = Redactor::new([7; 16], &[]);
    println!("{:28} {:>6} {:>10} {:>10}", "text", "bytes", "redact ns", "UTF-8 ns");
    for (what, text) in texts() {
        let mut redact = || drop(black_box(redactor.redact_text(black_box(&text))));
        let mut check = || {
            let _ = black_box(std::str::from_utf8(black_box(text.as_bytes())));
        };
        let [ours, utf8] = least_times([&mut redact, &mut check], text.len());
        println!("{what:28} {:6} {ours:10.0} {utf8:10.0}", text.len());
    }
}

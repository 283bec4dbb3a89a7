//! Tokens that tell by their shape who issued them.

use std::ops::Range;

use super::bytes::run_end;
use super::quote::behind_backslashes;

/// What a token is made of behind its prefix.
#[derive(Clone, Copy)]
enum Body {
    /// Letters and digits, so many at least.
    Alnum(usize),
    /// The same and `-` and `_`.
    Token(usize),
    /// Small hexadecimal digits, exactly so many.
    Hex(usize),
    /// Capital letters and digits, exactly so many.
    Capitals(usize),
}

/// Beginnings of tokens.
const ISSUERS: &[(&str, Body)] = &[
    // GitHub
    ("ghp_", Body::Alnum(30)),
    ("gho_", Body::Alnum(30)),
    ("ghu_", Body::Alnum(30)),
    ("ghs_", Body::Alnum(30)),
    ("ghr_", Body::Alnum(30)),
    ("github_pat_", Body::Token(36)),
    // GitLab
    ("glpat-", Body::Token(20)),
    ("gldt-", Body::Token(20)),
    ("glrt-", Body::Token(20)),
    ("glcbt-", Body::Token(20)),
    ("glptt-", Body::Token(20)),
    ("glft-", Body::Token(20)),
    ("glsoat-", Body::Token(20)),
    ("glagent-", Body::Token(20)),
    // Slack
    ("xoxb-", Body::Token(10)),
    ("xoxp-", Body::Token(10)),
    ("xoxa-", Body::Token(10)),
    ("xoxr-", Body::Token(10)),
    ("xoxs-", Body::Token(10)),
    ("xoxe-", Body::Token(10)),
    ("xoxo-", Body::Token(10)),
    ("xoxc-", Body::Token(10)),
    ("xoxd-", Body::Token(10)),
    ("xapp-", Body::Token(20)),
    // Stripe
    ("sk_live_", Body::Alnum(10)),
    ("sk_test_", Body::Alnum(10)),
    ("rk_live_", Body::Alnum(10)),
    ("rk_test_", Body::Alnum(10)),
    ("whsec_", Body::Alnum(20)),
    // Google
    ("AIza", Body::Token(30)),
    ("GOCSPX-", Body::Token(20)),
    // AWS
    ("AKIA", Body::Capitals(16)),
    ("ASIA", Body::Capitals(16)),
    ("ABIA", Body::Capitals(16)),
    ("ACCA", Body::Capitals(16)),
    // Package registries
    ("npm_", Body::Alnum(30)),
    ("pypi-", Body::Token(40)),
    ("rubygems_", Body::Hex(48)),
    ("dckr_pat_", Body::Token(20)),
    // Others
    ("sk-ant-", Body::Token(30)),
    ("sk-proj-", Body::Token(30)),
    ("sk-", Body::Alnum(40)),
    ("hf_", Body::Alnum(30)),
    ("dop_v1_", Body::Hex(64)),
    ("doo_v1_", Body::Hex(64)),
    ("dor_v1_", Body::Hex(64)),
    ("shpat_", Body::Hex(32)),
    ("shpss_", Body::Hex(32)),
    ("shpca_", Body::Hex(32)),
    ("shppa_", Body::Hex(32)),
    ("SK", Body::Hex(32)),
    ("dapi", Body::Hex(32)),
    ("glsa_", Body::Token(32)),
    ("sntrys_", Body::Token(30)),
    ("sntryu_", Body::Hex(64)),
    ("NRAK-", Body::Capitals(27)),
    ("PMAK-", Body::Token(40)),
    ("ATATT3", Body::Token(40)),
    ("lin_api_", Body::Alnum(32)),
    ("sq0atp-", Body::Token(20)),
    ("sq0csp-", Body::Token(20)),
    ("figd_", Body::Token(30)),
    ("AGE-SECRET-KEY-1", Body::Capitals(58)),
];

/// Whether a token may hold it.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The first three bytes of all prefixes and of web tokens, a bit for each hash: nearly every other word is told apart by them.
const BEGINNINGS: [u64; 64] = {
    let mut bits = with(*b"eyJ", [0; 64]);
    let mut at = 0;
    while at < ISSUERS.len() {
        bits = match (ISSUERS[at].0.as_bytes(), ISSUERS[at].1) {
            ([a, b, c, ..], _) => with([*a, *b, *c], bits),
            // The third is of the body.
            ([a, b], Body::Hex(_)) => {
                let mut digit = 0;
                while digit < 16 {
                    bits = with([*a, *b, b"0123456789abcdef"[digit]], bits);
                    digit += 1;
                }
                bits
            }
            _ => panic!("a prefix that this tells nothing of"),
        };
        at += 1;
    }
    bits
};

const fn with(beginning: [u8; 3], mut bits: [u64; 64]) -> [u64; 64] {
    let number = beginning_number(beginning);
    bits[number / 64] |= 1 << (number % 64);
    bits
}

const fn beginning_number(beginning: [u8; 3]) -> usize {
    (u32::from_le_bytes([beginning[0], beginning[1], beginning[2], 0]).wrapping_mul(0x9e37_79b1) >> 20) as usize
}

/// False where no token begins in the word, of eight bytes at least, that begins at `start`. Nearly all are told apart by it.
#[inline]
pub(super) fn may_begin(bytes: &[u8], start: usize) -> bool {
    let Some(&beginning) = bytes[start..].first_chunk::<3>() else { return false };
    let number = beginning_number(beginning);
    BEGINNINGS[number / 64] >> (number % 64) & 1 == 1
        || matches!(beginning[0], b'-' | b'_')
        || match bytes[..start] {
            [.., before, last, b'.'] => matches!((before, last), (b'2', b'9') | (b'S', b'G') | (b'v', b's' | b'b' | b'r') | (b'p', b't') | (b'0', b'1')),
            // The first are letters of an escape.
            [.., b'\\' | b'%'] | [.., b'0'..=b'9', b':'] => true,
            _ => false,
        }
}

/// The token whose first word begins at `start`: a run of letters, digits, `-` and `_`, eight at least.
pub(super) fn token(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let start = behind_escape(bytes, start);
    let start = run_end(bytes, start, 4, |byte| matches!(byte, b'-' | b'_'));
    if bytes[start..].starts_with(b"eyJ") {
        return web_token(bytes, start);
    }
    if let Some(token) = ISSUERS.iter().find_map(|(prefix, body)| issued(bytes, start, prefix.as_bytes(), *body)) {
        return Some(token);
    }
    match bytes[..start] {
        [.., b'9' | b'G' | b's' | b'b' | b'r' | b't' | b'1', b'.'] => behind_dot(bytes, start),
        [.., b'0'..=b'9', b':'] => bot(bytes, start),
        _ => None,
    }
}

/// Past the letters of an escape, which look like a part of the word: `\n`, `\u0022`, `%20`.
fn behind_escape(bytes: &[u8], start: usize) -> usize {
    match (bytes[..start].last(), &bytes[start..]) {
        (Some(b'\\'), [b'n' | b'r' | b't', ..]) => start + 1,
        (Some(b'\\'), [b'u', b'0', b'0', _, _, ..]) => start + 5,
        (Some(b'%'), [a, b, ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => start + 2,
        _ => start,
    }
}

fn issued(bytes: &[u8], start: usize, prefix: &[u8], body: Body) -> Option<Range<usize>> {
    if !bytes[start..].starts_with(prefix) {
        return None;
    }
    let from = start + prefix.len();
    let run = |is: fn(u8) -> bool| run_end(bytes, from, usize::MAX, is);
    let word_end = run(is_token_byte);
    let fits = match body {
        Body::Alnum(least) => run(|byte| byte.is_ascii_alphanumeric()) - from >= least,
        Body::Token(least) => word_end - from >= least && bytes[from..word_end].iter().any(u8::is_ascii_digit),
        Body::Hex(exactly) => run(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) - from == exactly && word_end - from == exactly,
        Body::Capitals(exactly) => run(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) - from == exactly && word_end - from == exactly,
    };
    fits.then_some(start..word_end)
}

/// A JSON Web Token: at least two of its parts, the first beginning `{"` in base64. A cut one is one to its end.
fn web_token(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = run_end(bytes, start, usize::MAX, |byte| is_token_byte(byte) || byte == b'.' || byte == b'=');
    let mut parts = bytes[start..end].split(|byte| *byte == b'.').filter(|part| part.len() >= 4);
    let is_cut = end == bytes.len();
    (parts.next().is_some() && (parts.next().is_some() || is_cut)).then_some(start..end)
}

/// `ya29.…`, `SG.….…`, `hvs.…`: what stands before the dot is too short to be looked at.
fn behind_dot(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    const KNOWN: [(&[u8], usize); 7] = [(b"ya29.", 20), (b"SG.", 40), (b"hvs.", 24), (b"hvb.", 24), (b"hvr.", 24), (b"dp.pt.", 40), (b"dt0c01.", 40)];
    let (prefix, least) = KNOWN.iter().find(|(prefix, _)| bytes[..start].ends_with(prefix))?;
    let from = start - prefix.len();
    let is_escape = matches!(bytes[..from], [.., b'\\', b'n' | b'r' | b't']);
    if !is_escape && bytes[..from].last().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let is_part = |byte: u8| is_token_byte(byte) || byte == b'.';
    let near = &bytes[start..run_end(bytes, start, 64, is_part)];
    let is_long = near.len() >= *least && near.iter().any(u8::is_ascii_digit);
    is_long.then(|| from..run_end(bytes, start, usize::MAX, is_part))
}

/// What tells a web hook of Slack or Discord from all others, in an address whose host begins at `host`.
pub(super) fn web_hook(bytes: &[u8], host: usize) -> Option<Range<usize>> {
    const HOOKS: [&[u8]; 3] = [b"hooks.slack.com/services/", b"discord.com/api/webhooks/", b"discordapp.com/api/webhooks/"];
    // Each slash may stand behind backslashes.
    let behind = |hook: &[u8]| {
        hook.iter().try_fold(host, |at, byte| {
            let at = if *byte == b'/' { behind_backslashes(bytes, at) } else { at };
            (bytes.get(at) == Some(byte)).then_some(at + 1)
        })
    };
    let from = HOOKS.iter().find_map(|hook| behind(hook))?;
    let mut end = from;
    while let Some(byte) = bytes.get(end) {
        let slash = behind_backslashes(bytes, end);
        if bytes.get(slash) == Some(&b'/') {
            end = slash + 1;
        } else if is_token_byte(*byte) {
            end += 1;
        } else {
            break;
        }
    }
    (end - from >= 20).then_some(from..end)
}

/// A Telegram bot's: its number, a colon, and 35 letters.
fn bot(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = run_end(bytes, start, 64, is_token_byte);
    let num_digits = bytes[..start - 1].iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    (end - start == 35 && (8..=10).contains(&num_digits) && bytes[start..end].iter().any(u8::is_ascii_digit)).then_some(start..end)
}

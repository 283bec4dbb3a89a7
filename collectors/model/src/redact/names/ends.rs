//! The ends of names that say what their values are, found by their last letters.

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No secret.
    Plain,
    /// A secret where the value looks like one, or where name and value are set down as such (in JSON, in an attribute): a
    /// word that sentences use too.
    Soft,
    /// A token: as [`Self::Soft`], but `token=x` is one, whatever the value.
    Token,
    /// A secret.
    Secret,
    /// A header whose value goes on to the end of its line.
    Line,
}

/// How the end of a name has to stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Whatever stands before it: `dbpassword` is a password too.
    Part,
    /// As whole words: as a part of one it means something else.
    Words,
    /// As the whole name.
    Whole,
    /// Behind a name, which it does not make another thing: `password_confirmation`, `authorization-bin`, `api_key_value`.
    Trailer,
}

/// Ends of folded names and what they say, three letters at least. The first that fits counts.
pub(super) const ENDS: &[(&str, Fit, Verdict)] = &[
    // Not those of secrets, though their last word is.
    ("pagetoken", Fit::Part, Verdict::Plain),
    ("nexttoken", Fit::Part, Verdict::Plain),
    ("synctoken", Fit::Part, Verdict::Plain),
    ("starttoken", Fit::Part, Verdict::Plain),
    ("endtoken", Fit::Part, Verdict::Plain),
    ("canceltoken", Fit::Part, Verdict::Plain),
    ("cancellationtoken", Fit::Part, Verdict::Plain),
    ("continuationtoken", Fit::Part, Verdict::Plain),
    ("paginationtoken", Fit::Part, Verdict::Plain),
    ("unexpectedtoken", Fit::Part, Verdict::Plain),
    ("expectedtoken", Fit::Part, Verdict::Plain),
    ("unknowntoken", Fit::Part, Verdict::Plain),
    ("unrecognizedtoken", Fit::Part, Verdict::Plain),
    ("currenttoken", Fit::Part, Verdict::Plain),
    ("previoustoken", Fit::Part, Verdict::Plain),
    ("lookaheadtoken", Fit::Part, Verdict::Plain),
    ("allowcredentials", Fit::Part, Verdict::Plain),
    ("password", Fit::Part, Verdict::Secret),
    ("passwords", Fit::Part, Verdict::Secret),
    ("passwd", Fit::Part, Verdict::Secret),
    ("passwort", Fit::Part, Verdict::Secret),
    ("passphrase", Fit::Part, Verdict::Secret),
    ("passcode", Fit::Part, Verdict::Secret),
    ("pwd", Fit::Part, Verdict::Secret),
    ("requirepass", Fit::Part, Verdict::Secret),
    ("masterauth", Fit::Part, Verdict::Secret),
    ("dbpass", Fit::Part, Verdict::Secret),
    ("databasepass", Fit::Part, Verdict::Secret),
    ("userpass", Fit::Part, Verdict::Secret),
    ("adminpass", Fit::Part, Verdict::Secret),
    ("rootpass", Fit::Part, Verdict::Secret),
    ("loginpass", Fit::Part, Verdict::Secret),
    ("authpass", Fit::Part, Verdict::Secret),
    ("basicpass", Fit::Part, Verdict::Secret),
    ("proxypass", Fit::Part, Verdict::Secret),
    ("smtppass", Fit::Part, Verdict::Secret),
    ("mailpass", Fit::Part, Verdict::Secret),
    ("emailpass", Fit::Part, Verdict::Secret),
    ("ftppass", Fit::Part, Verdict::Secret),
    ("ldappass", Fit::Part, Verdict::Secret),
    ("mysqlpass", Fit::Part, Verdict::Secret),
    ("postgrespass", Fit::Part, Verdict::Secret),
    ("pgpass", Fit::Part, Verdict::Secret),
    ("redispass", Fit::Part, Verdict::Secret),
    ("mongopass", Fit::Part, Verdict::Secret),
    ("rabbitmqpass", Fit::Part, Verdict::Secret),
    ("mqpass", Fit::Part, Verdict::Secret),
    ("storepass", Fit::Part, Verdict::Secret),
    ("keypass", Fit::Part, Verdict::Secret),
    ("token", Fit::Part, Verdict::Token),
    ("secret", Fit::Part, Verdict::Secret),
    ("secrets", Fit::Part, Verdict::Soft),
    ("credential", Fit::Part, Verdict::Soft),
    ("credentials", Fit::Part, Verdict::Soft),
    ("apikey", Fit::Part, Verdict::Secret),
    ("apikeys", Fit::Part, Verdict::Secret),
    ("accesskey", Fit::Part, Verdict::Secret),
    ("accesskeyid", Fit::Part, Verdict::Secret),
    ("secretkey", Fit::Part, Verdict::Secret),
    ("privatekey", Fit::Part, Verdict::Secret),
    ("signingkey", Fit::Part, Verdict::Secret),
    ("encryptionkey", Fit::Part, Verdict::Secret),
    ("encryptkey", Fit::Part, Verdict::Secret),
    ("decryptionkey", Fit::Part, Verdict::Secret),
    ("authkey", Fit::Part, Verdict::Secret),
    ("sharedkey", Fit::Part, Verdict::Secret),
    ("hmackey", Fit::Part, Verdict::Secret),
    ("subscriptionkey", Fit::Part, Verdict::Secret),
    ("functionskey", Fit::Part, Verdict::Secret),
    ("accountkey", Fit::Part, Verdict::Soft),
    ("storagekey", Fit::Part, Verdict::Soft),
    ("masterkey", Fit::Part, Verdict::Soft),
    ("sessionkey", Fit::Part, Verdict::Soft),
    ("authorization", Fit::Part, Verdict::Line),
    ("cookie", Fit::Part, Verdict::Line),
    ("cookies", Fit::Part, Verdict::Line),
    ("wwwauthenticate", Fit::Part, Verdict::Line),
    ("proxyauthenticate", Fit::Part, Verdict::Line),
    ("sessionid", Fit::Part, Verdict::Soft),
    ("sessid", Fit::Part, Verdict::Soft),
    ("connectsid", Fit::Part, Verdict::Secret),
    ("samlresponse", Fit::Part, Verdict::Secret),
    ("samlassertion", Fit::Part, Verdict::Secret),
    ("clientassertion", Fit::Part, Verdict::Secret),
    ("cardnumber", Fit::Part, Verdict::Secret),
    ("securitycode", Fit::Part, Verdict::Secret),
    ("amzcredential", Fit::Part, Verdict::Secret),
    ("amzsignature", Fit::Part, Verdict::Secret),
    ("googsignature", Fit::Part, Verdict::Secret),
    ("hubsignature", Fit::Part, Verdict::Secret),
    ("creds", Fit::Words, Verdict::Soft),
    ("csrf", Fit::Words, Verdict::Soft),
    ("xsrf", Fit::Words, Verdict::Soft),
    ("jwt", Fit::Words, Verdict::Soft),
    ("bearer", Fit::Words, Verdict::Soft),
    ("otp", Fit::Words, Verdict::Soft),
    ("cvv", Fit::Words, Verdict::Soft),
    ("cvc", Fit::Words, Verdict::Soft),
    ("auth", Fit::Whole, Verdict::Soft),
    ("session", Fit::Whole, Verdict::Soft),
    ("sig", Fit::Whole, Verdict::Soft),
    ("signature", Fit::Whole, Verdict::Soft),
    ("pass", Fit::Whole, Verdict::Soft),
    ("value", Fit::Trailer, Verdict::Plain),
    ("string", Fit::Trailer, Verdict::Plain),
    ("text", Fit::Trailer, Verdict::Plain),
    ("plain", Fit::Trailer, Verdict::Plain),
    ("plaintext", Fit::Trailer, Verdict::Plain),
    ("raw", Fit::Trailer, Verdict::Plain),
    ("hash", Fit::Trailer, Verdict::Plain),
    ("digest", Fit::Trailer, Verdict::Plain),
    ("confirmation", Fit::Trailer, Verdict::Plain),
    ("confirm", Fit::Trailer, Verdict::Plain),
    ("repeat", Fit::Trailer, Verdict::Plain),
    ("again", Fit::Trailer, Verdict::Plain),
    ("new", Fit::Trailer, Verdict::Plain),
    ("old", Fit::Trailer, Verdict::Plain),
    ("header", Fit::Trailer, Verdict::Plain),
    ("bin", Fit::Trailer, Verdict::Plain),
];

/// The last eight letters of each of [`ENDS`], as far as it has so many, and which bits of them count. The last letter is the lowest byte.
const TAILS: [(u64, u64); ENDS.len()] = {
    let mut tails = [(0, 0); ENDS.len()];
    let mut at = 0;
    while at < ENDS.len() {
        let end = ENDS[at].0.as_bytes();
        let mut letter = 0;
        while letter < 8 && letter < end.len() {
            tails[at].0 |= (end[end.len() - 1 - letter] as u64) << (8 * letter);
            tails[at].1 |= 0xff << (8 * letter);
            letter += 1;
        }
        at += 1;
    }
    tails
};

/// No entry.
const NONE: usize = usize::MAX;

/// The first of [`ENDS`] for each number of last letters.
const FIRST: [usize; 256] = {
    let mut first = [NONE; 256];
    let mut at = ENDS.len();
    while at > 0 {
        at -= 1;
        first[slot(TAILS[at].0)] = at;
    }
    first
};

/// The next of [`ENDS`] with the same number.
const NEXT: [usize; ENDS.len()] = {
    let mut next = [NONE; ENDS.len()];
    let mut at = 0;
    while at < ENDS.len() {
        let mut other = at + 1;
        while other < ENDS.len() && slot(TAILS[other].0) != slot(TAILS[at].0) {
            other += 1;
        }
        if other < ENDS.len() {
            next[at] = other;
        }
        at += 1;
    }
    next
};

/// A number of the last three letters.
const fn slot(tail: u64) -> usize {
    ((tail as u32 & 0xff_ffff).wrapping_mul(0x9e37_79b1) >> 24) as usize
}

/// The entries of [`ENDS`] whose last eight letters are these.
#[inline]
pub(super) fn with_tail(tail: u64) -> impl Iterator<Item = usize> {
    let all = std::iter::successors(Some(FIRST[slot(tail)]), |at| NEXT.get(*at).copied()).take_while(|at| *at != NONE);
    all.filter(move |at| (tail ^ TAILS[*at].0) & TAILS[*at].1 == 0)
}

/// The last eight letters of a name, the last one lowest, without a number at its end.
#[inline]
pub(super) fn tail_of(name: &[u8]) -> u64 {
    let (mut tail, mut shift) = (0, 0);
    for byte in name.iter().rev() {
        if byte.is_ascii_alphabetic() || byte.is_ascii_digit() && shift > 0 {
            tail |= u64::from(byte.to_ascii_lowercase()) << shift;
            shift += 8;
            if shift == 64 {
                break;
            }
        }
    }
    tail
}

/// The same of the name that a text ends with, and perhaps of words before it.
#[inline]
pub(super) fn tail_in_text(bytes: &[u8]) -> u64 {
    /// Longest name in a text.
    const LONGEST: usize = 64;
    let (mut tail, mut shift) = (0, 0);
    for byte in bytes.iter().rev().take(LONGEST) {
        if byte.is_ascii_alphabetic() {
            tail |= u64::from(byte.to_ascii_lowercase()) << shift;
            shift += 8;
            if shift == 64 {
                break;
            }
        } else if byte.is_ascii_digit() {
            // None of the names has one but at its end.
            if shift > 0 {
                break;
            }
        } else if !matches!(byte, b'-' | b'_' | b'.' | b' ') {
            break;
        }
    }
    tail
}

//! OTLP's `AnyValue` and `KeyValue` on the protobuf wire.

use std::borrow::Cow;

use super::nested::NestedText;
use super::wire::{Malformed, Reader};

/// How deep lists and maps in a value may nest; what lies deeper is cut.
pub(crate) const MAX_DEPTH: usize = 64;

/// A value as it was sent, not yet in any batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnyValue<'a> {
    /// Nothing was sent.
    Empty,
    Text(&'a [u8]),
    Bool(bool),
    I64(i64),
    F64(f64),
    Bytes(&'a [u8]),
    /// A list or a map, as JSON text, and whether it was cut.
    Nested(Cow<'a, str>, bool),
}

/// Splits a `KeyValue` into its key and the bytes of its `AnyValue`.
#[inline]
pub(crate) fn key_value(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(message);
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    while let Some(tag) = reader.tag()? {
        match tag {
            0x0a => key = reader.bytes()?,
            0x12 => value = reader.bytes()?,
            _ => reader.skip(tag)?,
        }
    }
    Ok((key, value))
}

/// Reads a `KeyValue` whole.
#[inline]
pub(crate) fn attribute(message: &[u8]) -> Result<(&[u8], AnyValue<'_>), Malformed> {
    let (key, value) = key_value(message)?;
    Ok((key, any_value(value)?))
}

/// The key of a `KeyValue` that is broken elsewhere, as far as it can be read.
#[cold]
pub(crate) fn key_of_broken(message: &[u8]) -> String {
    let mut reader = Reader::new(message);
    while let Ok(Some(tag)) = reader.tag() {
        if tag == 0x0a {
            return reader.bytes().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
        }
        if reader.skip(tag).is_err() {
            break;
        }
    }
    String::new()
}

/// Reads an `AnyValue`; of several alternatives the last one counts, as protobuf says.
#[inline]
pub(crate) fn any_value(message: &[u8]) -> Result<AnyValue<'_>, Malformed> {
    let mut reader = Reader::new(message);
    let mut value = AnyValue::Empty;
    let mut is_nested = false;
    while let Some(tag) = reader.tag()? {
        let alternative = match tag {
            0x0a => AnyValue::Text(reader.bytes()?),
            0x10 => AnyValue::Bool(reader.varint()? != 0),
            0x18 => AnyValue::I64(reader.varint()? as i64),
            0x21 => AnyValue::F64(f64::from_bits(reader.fixed64()?)),
            0x2a | 0x32 => {
                reader.bytes()?;
                is_nested = true;
                continue;
            }
            0x3a => AnyValue::Bytes(reader.bytes()?),
            _ => {
                reader.skip(tag)?;
                continue;
            }
        };
        is_nested = false;
        value = alternative;
    }
    if is_nested { nested(message) } else { Ok(value) }
}

#[cold]
fn nested<'a>(message: &[u8]) -> Result<AnyValue<'a>, Malformed> {
    let mut out = NestedText::default();
    write_any(message, &mut out, 0)?;
    let (text, truncated) = out.finish();
    Ok(AnyValue::Nested(text.into(), truncated))
}

/// Writes a value as JSON text. The depth is bounded by us, never by the sender.
fn write_any(message: &[u8], out: &mut NestedText, depth: usize) -> Result<(), Malformed> {
    // The last alternative counts, so it is found first.
    let mut reader = Reader::new(message);
    let mut last: Option<(u32, Reader<'_>)> = None;
    while let Some(tag) = reader.tag()? {
        if matches!(tag, 0x0a | 0x10 | 0x18 | 0x21 | 0x2a | 0x32 | 0x3a) {
            last = Some((tag, reader));
        }
        reader.skip(tag)?;
    }
    let Some((tag, mut reader)) = last else {
        out.null();
        return Ok(());
    };
    match tag {
        0x0a => out.string(reader.bytes()?),
        0x10 => out.bool(reader.varint()? != 0),
        0x18 => out.i64(reader.varint()? as i64),
        0x21 => out.f64(f64::from_bits(reader.fixed64()?)),
        0x3a => out.base64(reader.bytes()?),
        _ if depth >= MAX_DEPTH => out.too_deep(),
        0x2a => {
            out.open('[');
            let mut items = Reader::new(reader.bytes()?);
            while let Some(tag) = items.tag()? {
                if tag == 0x0a {
                    out.comma();
                    write_any(items.bytes()?, out, depth + 1)?;
                } else {
                    items.skip(tag)?;
                }
            }
            out.close(']');
        }
        _ => {
            out.open('{');
            let mut items = Reader::new(reader.bytes()?);
            while let Some(tag) = items.tag()? {
                if tag != 0x0a {
                    items.skip(tag)?;
                    continue;
                }
                let (key, value) = key_value(items.bytes()?)?;
                out.comma();
                out.key(key);
                write_any(value, out, depth + 1)?;
            }
            out.close('}');
        }
    }
    Ok(())
}

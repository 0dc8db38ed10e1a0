//! Values as their datatype means them.

use super::message::{DataSet, Metric, MetricValue, Template};
use crate::Problem;
use crate::problem::shown;

macro_rules! datatypes {
    ($($variant:ident = $number:literal, $name:literal;)*) => {
        /// The datatype of a metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the specification's")]
        pub enum DataType {
            $($variant = $number),*
        }

        impl DataType {
            /// Every datatype, by number from 1.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The datatype with a number; `None` for 0 (unknown) and numbers that the specification does not have.
            pub const fn of(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its name in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

datatypes! {
    Int8 = 1, "Int8";
    Int16 = 2, "Int16";
    Int32 = 3, "Int32";
    Int64 = 4, "Int64";
    UInt8 = 5, "UInt8";
    UInt16 = 6, "UInt16";
    UInt32 = 7, "UInt32";
    UInt64 = 8, "UInt64";
    Float = 9, "Float";
    Double = 10, "Double";
    Boolean = 11, "Boolean";
    String = 12, "String";
    DateTime = 13, "DateTime";
    Text = 14, "Text";
    Uuid = 15, "UUID";
    DataSet = 16, "DataSet";
    Bytes = 17, "Bytes";
    File = 18, "File";
    Template = 19, "Template";
    PropertySet = 20, "PropertySet";
    PropertySetList = 21, "PropertySetList";
    Int8Array = 22, "Int8Array";
    Int16Array = 23, "Int16Array";
    Int32Array = 24, "Int32Array";
    Int64Array = 25, "Int64Array";
    UInt8Array = 26, "UInt8Array";
    UInt16Array = 27, "UInt16Array";
    UInt32Array = 28, "UInt32Array";
    UInt64Array = 29, "UInt64Array";
    FloatArray = 30, "FloatArray";
    DoubleArray = 31, "DoubleArray";
    BooleanArray = 32, "BooleanArray";
    StringArray = 33, "StringArray";
    DateTimeArray = 34, "DateTimeArray";
}

impl DataType {
    /// The number that stands for it.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// A value. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `Int8` to `Int64`.
    Int(i64),
    /// `UInt8` to `UInt64`.
    UInt(u64),
    /// `Float`; may be no number.
    Float(f32),
    /// `Double`; may be no number.
    Double(f64),
    /// `Boolean`.
    Boolean(bool),
    /// `String`, `Text` and `UUID`.
    Text(Box<str>),
    /// `DateTime`, in milliseconds since 1970.
    DateTime(u64),
    /// `Bytes` and `File`.
    Bytes(Box<[u8]>),
    /// `DataSet`.
    DataSet(Box<DataSet>),
    /// An instance of a `Template`.
    Template(Box<Template>),
    /// `Int8Array` to `Int64Array`.
    Ints(Box<[i64]>),
    /// `UInt8Array` to `UInt64Array`.
    UInts(Box<[u64]>),
    /// `FloatArray`.
    Floats(Box<[f32]>),
    /// `DoubleArray`.
    Doubles(Box<[f64]>),
    /// `BooleanArray`.
    Booleans(Box<[bool]>),
    /// `StringArray`.
    Texts(Box<[Box<str>]>),
    /// `DateTimeArray`, in milliseconds since 1970.
    DateTimes(Box<[i64]>),
}

/// The value of `metric`, which has the datatype `datatype`; `None` when it is null.
///
/// A signed integer of 8 or 16 bits may fill its 32 bits with its sign or with zeros: senders do both.
///
/// # Errors
/// A problem that says what is carried and what the datatype asks for.
pub fn value_of(metric: &Metric, datatype: DataType) -> Result<Option<Value>, Problem> {
    let Some(carried) = metric.value.as_ref().filter(|_| !metric.is_null.unwrap_or(false)) else { return Ok(None) };
    let wrong = |detail: String| Problem::new("wrong_value", "value", detail);
    let misfit =
        || wrong(format!("{} is not carried as {}; send it as its datatype asks", datatype.name(), carrier(carried)));
    let range = |value: String| {
        wrong(format!("{value} does not fit {}; send a value of its range or a wider datatype", datatype.name()))
    };
    Ok(Some(match (datatype, carried) {
        (DataType::Int8, MetricValue::Int(value)) => {
            Value::Int(narrow(*value, 8).ok_or_else(|| range(value.to_string()))?)
        }
        (DataType::Int16, MetricValue::Int(value)) => {
            Value::Int(narrow(*value, 16).ok_or_else(|| range(value.to_string()))?)
        }
        (DataType::Int32, MetricValue::Int(value)) => Value::Int(value.cast_signed().into()),
        (DataType::Int64, MetricValue::Long(value)) => Value::Int(value.cast_signed()),
        (DataType::Int64, MetricValue::Int(value)) => Value::Int((*value).into()),
        (DataType::UInt8, MetricValue::Int(value)) if *value > 0xff => return Err(range(value.to_string())),
        (DataType::UInt16, MetricValue::Int(value)) if *value > 0xffff => return Err(range(value.to_string())),
        (DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64, MetricValue::Int(value)) => {
            Value::UInt((*value).into())
        }
        // Some libraries carry all 32 unsigned bits as a long, for want of an unsigned integer.
        (DataType::UInt32, MetricValue::Long(value)) => {
            Value::UInt(u32::try_from(*value).map_err(|_| range(value.to_string()))?.into())
        }
        (DataType::UInt64, MetricValue::Long(value)) => Value::UInt(*value),
        (DataType::Float, MetricValue::Float(value)) => Value::Float(*value),
        (DataType::Double, MetricValue::Double(value)) => Value::Double(*value),
        (DataType::Double, MetricValue::Float(value)) => Value::Double((*value).into()),
        (DataType::Boolean, MetricValue::Boolean(value)) => Value::Boolean(*value),
        (DataType::String | DataType::Text | DataType::Uuid, MetricValue::Text(value)) => {
            Value::Text((&**value).into())
        }
        (DataType::DateTime, MetricValue::Long(value)) => Value::DateTime(*value),
        (DataType::Bytes | DataType::File, MetricValue::Bytes(value)) => Value::Bytes((&**value).into()),
        (DataType::DataSet, MetricValue::DataSet(value)) => Value::DataSet(Box::new(checked(value)?)),
        (DataType::Template, MetricValue::Template(value)) => Value::Template(Box::new(value.clone())),
        (_, MetricValue::Bytes(bytes)) => array(bytes, datatype).ok_or_else(misfit)??,
        _ => return Err(misfit()),
    }))
}

/// A signed value of `bits` out of 32, extended by its sign or by zeros; `None` for anything else.
fn narrow(value: u32, bits: u32) -> Option<i64> {
    let signed = i64::from(value.cast_signed());
    let limit = 1_i64 << (bits - 1);
    match signed {
        _ if (-limit..limit).contains(&signed) => Some(signed),
        _ if (limit..2 * limit).contains(&signed) => Some(signed - 2 * limit),
        _ => None,
    }
}

fn carrier(value: &MetricValue) -> &'static str {
    match value {
        MetricValue::Int(_) => "int_value",
        MetricValue::Long(_) => "long_value",
        MetricValue::Float(_) => "float_value",
        MetricValue::Double(_) => "double_value",
        MetricValue::Boolean(_) => "boolean_value",
        MetricValue::Text(_) => "string_value",
        MetricValue::Bytes(_) => "bytes_value",
        MetricValue::DataSet(_) => "dataset_value",
        MetricValue::Template(_) => "template_value",
    }
}

/// A table whose names, types and rows agree in number.
fn checked(set: &DataSet) -> Result<DataSet, Problem> {
    let columns = set.columns.len();
    let wrong = |detail: String| Err(Problem::new("wrong_value", "value", detail));
    if set.types.len() != columns {
        return wrong(format!(
            "the data set has {columns} columns and {} types; send one type a column",
            set.types.len()
        ));
    }
    if set.num_of_columns.is_some_and(|number| usize::try_from(number) != Ok(columns)) {
        return wrong(format!(
            "the data set has {columns} columns and says another number; send the number that it has"
        ));
    }
    if let Some(unknown) = set.types.iter().find(|number| DataType::of(**number).is_none()) {
        return wrong(format!("the data set has a column of type {unknown}; send one of 1 to 34"));
    }
    if let Some(row) = set.rows.iter().position(|row| row.elements.len() != columns) {
        return wrong(format!("row {row} of the data set has not {columns} elements; send one a column"));
    }
    Ok(set.clone())
}

/// The elements of an array; `None` when `datatype` is no array.
///
/// # Source
/// Sparkplug 3.0.0, section 6.4.17: elements in little-endian order; booleans as a count of four bytes, then bits from
/// the highest; strings each with a zero byte behind it.
fn array(bytes: &[u8], datatype: DataType) -> Option<Result<Value, Problem>> {
    fn elements<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Box<[T]>, Problem> {
        let (chunks, rest) = bytes.as_chunks::<N>();
        if !rest.is_empty() {
            let detail =
                format!("the array has {} bytes, which is no multiple of {N}; send whole elements", bytes.len());
            return Err(Problem::new("wrong_value", "value", detail));
        }
        Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
    }
    Some(match datatype {
        DataType::Int8Array => elements(bytes, |bytes| i8::from_le_bytes(bytes).into()).map(Value::Ints),
        DataType::Int16Array => elements(bytes, |bytes| i16::from_le_bytes(bytes).into()).map(Value::Ints),
        DataType::Int32Array => elements(bytes, |bytes| i32::from_le_bytes(bytes).into()).map(Value::Ints),
        DataType::Int64Array => elements(bytes, i64::from_le_bytes).map(Value::Ints),
        DataType::UInt8Array => elements(bytes, |bytes| u8::from_le_bytes(bytes).into()).map(Value::UInts),
        DataType::UInt16Array => elements(bytes, |bytes| u16::from_le_bytes(bytes).into()).map(Value::UInts),
        DataType::UInt32Array => elements(bytes, |bytes| u32::from_le_bytes(bytes).into()).map(Value::UInts),
        DataType::UInt64Array => elements(bytes, u64::from_le_bytes).map(Value::UInts),
        DataType::FloatArray => elements(bytes, f32::from_le_bytes).map(Value::Floats),
        DataType::DoubleArray => elements(bytes, f64::from_le_bytes).map(Value::Doubles),
        DataType::DateTimeArray => elements(bytes, i64::from_le_bytes).map(Value::DateTimes),
        DataType::BooleanArray => booleans(bytes),
        DataType::StringArray => texts(bytes),
        _ => return None,
    })
}

fn booleans(bytes: &[u8]) -> Result<Value, Problem> {
    let wrong = |detail: String| Problem::new("wrong_value", "value", detail);
    let Some((count, bits)) = bytes.split_first_chunk::<4>() else {
        return Err(wrong(format!("the array of booleans has {} bytes; send a count of four first", bytes.len())));
    };
    let count = u32::from_le_bytes(*count);
    let flags = bits.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
    if usize::try_from(count.div_ceil(8)) != Ok(bits.len()) {
        let detail = format!("the array says {count} booleans and has {} bytes of them; send one bit each", bits.len());
        return Err(wrong(detail));
    }
    Ok(Value::Booleans(flags.zip(0..count).map(|(flag, _)| flag).collect()))
}

fn texts(bytes: &[u8]) -> Result<Value, Problem> {
    let wrong = |detail: String| Problem::new("wrong_value", "value", detail);
    if bytes.last().is_some_and(|last| *last != 0) {
        return Err(wrong("the array of strings does not end with a zero byte; send one behind each".to_owned()));
    }
    let ended = bytes.split_inclusive(|byte| *byte == 0).map(|text| &text[..text.len() - 1]);
    let texts: Result<Box<[Box<str>]>, Problem> = ended
        .map(|text| {
            let read = std::str::from_utf8(text).map(Box::from);
            read.map_err(|_| wrong(format!("{} is not UTF-8; send UTF-8", shown(&String::from_utf8_lossy(text)))))
        })
        .collect();
    texts.map(Value::Texts)
}

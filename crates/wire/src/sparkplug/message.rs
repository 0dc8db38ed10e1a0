//! The payload as protobuf messages: `org.eclipse.tahu.protobuf.Payload` without its extension points, which a reader
//! skips like any field that it does not know.
//!
//! # Source
//! Sparkplug 3.0.0, section 6.4.1, `sparkplug_b.proto`.

use prost::{Message, Oneof};

/// What every message but STATE carries.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, in milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// The metrics, in the order of their times.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Its number in the edge node's sequence, 0 to 255; a death of a node has none.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
    /// Which schema `body` has.
    #[prost(string, optional, tag = "4")]
    pub uuid: Option<String>,
    /// Bytes that the specification leaves open.
    #[prost(bytes = "vec", optional, tag = "5")]
    pub body: Option<Vec<u8>>,
}

/// One value of one metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; data may leave it out and give `alias`.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The number that stands for the name, unique within the edge node.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When the value was measured, in milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// A number of [`DataType`](super::DataType); births have it always.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// It was kept while the node was away, and is no news.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// It should not be kept.
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    /// It has no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// Of files and parts.
    #[prost(message, optional, tag = "8")]
    pub metadata: Option<MetaData>,
    /// What else is said of it.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value, as it is carried.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub value: Option<MetricValue>,
}

/// How a metric's value is carried.
#[derive(Clone, PartialEq, Oneof)]
pub enum MetricValue {
    /// Integers of up to 32 bits; negative ones as two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// Integers of 64 bits and times; negative ones as two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "12")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "13")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// `String`, `Text` and `UUID`.
    #[prost(string, tag = "15")]
    Text(String),
    /// `Bytes`, `File` and the arrays.
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
    /// `DataSet`.
    #[prost(message, tag = "17")]
    DataSet(DataSet),
    /// `Template`.
    #[prost(message, tag = "18")]
    Template(Template),
}

/// Of a file or a part of it.
#[derive(Clone, PartialEq, Message)]
pub struct MetaData {
    /// Whether it is one of several parts.
    #[prost(bool, optional, tag = "1")]
    pub is_multi_part: Option<bool>,
    /// The media type.
    #[prost(string, optional, tag = "2")]
    pub content_type: Option<String>,
    /// Bytes.
    #[prost(uint64, optional, tag = "3")]
    pub size: Option<u64>,
    /// Which part.
    #[prost(uint64, optional, tag = "4")]
    pub seq: Option<u64>,
    /// The file's name.
    #[prost(string, optional, tag = "5")]
    pub file_name: Option<String>,
    /// The file's type.
    #[prost(string, optional, tag = "6")]
    pub file_type: Option<String>,
    /// Its MD5.
    #[prost(string, optional, tag = "7")]
    pub md5: Option<String>,
    /// Any words.
    #[prost(string, optional, tag = "8")]
    pub description: Option<String>,
}

/// A table.
#[derive(Clone, PartialEq, Message)]
pub struct DataSet {
    /// How many columns it has.
    #[prost(uint64, optional, tag = "1")]
    pub num_of_columns: Option<u64>,
    /// Their names.
    #[prost(string, repeated, tag = "2")]
    pub columns: Vec<String>,
    /// Their datatypes.
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    pub types: Vec<u32>,
    /// The rows.
    #[prost(message, repeated, tag = "4")]
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, PartialEq, Message)]
pub struct Row {
    /// One a column.
    #[prost(message, repeated, tag = "1")]
    pub elements: Vec<DataSetValue>,
}

/// A cell of a table.
#[derive(Clone, PartialEq, Message)]
pub struct DataSetValue {
    /// The value; none is null.
    #[prost(oneof = "CellValue", tags = "1, 2, 3, 4, 5, 6")]
    pub value: Option<CellValue>,
}

/// How a cell's value is carried.
#[derive(Clone, PartialEq, Oneof)]
pub enum CellValue {
    /// Integers of up to 32 bits.
    #[prost(uint32, tag = "1")]
    Int(u32),
    /// Integers of 64 bits and times.
    #[prost(uint64, tag = "2")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "3")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "4")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "5")]
    Boolean(bool),
    /// `String`, `Text` and `UUID`.
    #[prost(string, tag = "6")]
    Text(String),
}

/// A structure of metrics: its definition, or an instance of one.
#[derive(Clone, PartialEq, Message)]
pub struct Template {
    /// The definition's version.
    #[prost(string, optional, tag = "1")]
    pub version: Option<String>,
    /// The members.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// The parameters.
    #[prost(message, repeated, tag = "3")]
    pub parameters: Vec<Parameter>,
    /// Of an instance, the name of its definition.
    #[prost(string, optional, tag = "4")]
    pub template_ref: Option<String>,
    /// Whether it is a definition.
    #[prost(bool, optional, tag = "5")]
    pub is_definition: Option<bool>,
}

/// A parameter of a template.
#[derive(Clone, PartialEq, Message)]
pub struct Parameter {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its datatype.
    #[prost(uint32, optional, tag = "2")]
    pub r#type: Option<u32>,
    /// Its value.
    #[prost(oneof = "ParameterValue", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<ParameterValue>,
}

/// How a parameter's value is carried.
#[derive(Clone, PartialEq, Oneof)]
pub enum ParameterValue {
    /// Integers of up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// Integers of 64 bits and times.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "5")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "6")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// `String`, `Text` and `UUID`.
    #[prost(string, tag = "8")]
    Text(String),
}

/// Names with values.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// The names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// One value a name.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// Several of them.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySetList {
    /// The sets.
    #[prost(message, repeated, tag = "1")]
    pub propertyset: Vec<PropertySet>,
}

/// The value of a property.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// Its datatype.
    #[prost(uint32, optional, tag = "1")]
    pub r#type: Option<u32>,
    /// It has no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "PropertyOf", tags = "3, 4, 5, 6, 7, 8, 9, 10")]
    pub value: Option<PropertyOf>,
}

/// How a property's value is carried.
#[derive(Clone, PartialEq, Oneof)]
pub enum PropertyOf {
    /// Integers of up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// Integers of 64 bits and times.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// `Float`.
    #[prost(float, tag = "5")]
    Float(f32),
    /// `Double`.
    #[prost(double, tag = "6")]
    Double(f64),
    /// `Boolean`.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// `String`, `Text` and `UUID`.
    #[prost(string, tag = "8")]
    Text(String),
    /// `PropertySet`.
    #[prost(message, tag = "9")]
    Set(PropertySet),
    /// `PropertySetList`.
    #[prost(message, tag = "10")]
    Sets(PropertySetList),
}

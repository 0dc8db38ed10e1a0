//! Every datatype, as it is carried and as it is meant.

use crate::emulator::{Listener, bd_seq, metric, payload};
use wire::sparkplug::message::{
    CellValue, DataSet, DataSetValue, MetaData, Metric, MetricValue, Parameter, ParameterValue, PropertyOf,
    PropertySet, PropertySetList, PropertyValue, Row, Template,
};
use wire::sparkplug::{DataType, Payload, Value, decode, encode, value_of};

fn check(datatype: DataType, carried: MetricValue, expect: Value) {
    let metric = metric("m", datatype, carried);
    let read = decode(&encode(&payload(0, vec![metric]))).unwrap();
    assert_eq!(value_of(&read.metrics[0], datatype).unwrap(), Some(expect), "{datatype:?}");
}

fn refused(datatype: DataType, carried: MetricValue) -> String {
    value_of(&metric("m", datatype, carried), datatype).unwrap_err().detail
}

/// tck-id-payloads-metric-datatype-value-type
#[test]
fn datatypes_have_the_numbers_1_to_34() {
    for number in 1..=34 {
        assert_eq!(DataType::of(number).unwrap().number(), number);
    }
    assert_eq!((DataType::ALL.len(), DataType::of(0), DataType::of(35)), (34, None, None));
}

#[test]
fn integers_keep_their_sign_however_it_is_carried() {
    check(DataType::Int8, MetricValue::Int((-5_i32).cast_unsigned()), Value::Int(-5));
    check(DataType::Int8, MetricValue::Int(0xfb), Value::Int(-5));
    check(DataType::Int16, MetricValue::Int(0x8000), Value::Int(-32_768));
    check(DataType::Int16, MetricValue::Int(u32::MAX), Value::Int(-1));
    check(DataType::Int32, MetricValue::Int(u32::MAX), Value::Int(-1));
    check(DataType::Int64, MetricValue::Long(u64::MAX - 6), Value::Int(-7));
    check(DataType::UInt8, MetricValue::Int(255), Value::UInt(255));
    check(DataType::UInt16, MetricValue::Int(65_535), Value::UInt(65_535));
    check(DataType::UInt32, MetricValue::Int(u32::MAX), Value::UInt(u32::MAX.into()));
    check(DataType::UInt32, MetricValue::Long(u32::MAX.into()), Value::UInt(u32::MAX.into()));
    check(DataType::UInt64, MetricValue::Long(u64::MAX), Value::UInt(u64::MAX));
    assert_eq!(
        refused(DataType::UInt8, MetricValue::Int(256)),
        "256 does not fit UInt8; send a value of its range or a wider datatype"
    );
    assert!(refused(DataType::Int8, MetricValue::Int(256)).contains("does not fit Int8"));
    assert!(refused(DataType::UInt32, MetricValue::Long(1 << 32)).contains("does not fit UInt32"));
    assert_eq!(
        refused(DataType::Int32, MetricValue::Boolean(true)),
        "Int32 is not carried as boolean_value; send it as its datatype asks"
    );
}

#[test]
fn other_single_values_are_as_they_are_carried() {
    check(DataType::Float, MetricValue::Float(12.1), Value::Float(12.1));
    check(DataType::Double, MetricValue::Double(-0.5), Value::Double(-0.5));
    check(DataType::Boolean, MetricValue::Boolean(true), Value::Boolean(true));
    for datatype in [DataType::String, DataType::Text, DataType::Uuid] {
        check(datatype, MetricValue::Text("pålle".into()), Value::Text("pålle".into()));
    }
    check(DataType::DateTime, MetricValue::Long(1_771_236_000_000), Value::DateTime(1_771_236_000_000));
    check(DataType::Bytes, MetricValue::Bytes(vec![0, 255]), Value::Bytes([0, 255].into()));
    check(DataType::File, MetricValue::Bytes(vec![1]), Value::Bytes([1].into()));
}

#[test]
fn arrays_are_read_in_little_endian_order() {
    let bytes = |bytes: &[u8]| MetricValue::Bytes(bytes.to_vec());
    check(DataType::Int8Array, bytes(&[0xe9, 0x7b]), Value::Ints([-23, 123].into()));
    check(DataType::Int16Array, bytes(&[0xd0, 0x8a, 0x30, 0x75]), Value::Ints([-30_000, 30_000].into()));
    check(DataType::Int32Array, bytes(&(-1_i32).to_le_bytes()), Value::Ints([-1].into()));
    check(DataType::Int64Array, bytes(&i64::MIN.to_le_bytes()), Value::Ints([i64::MIN].into()));
    check(DataType::UInt8Array, bytes(&[23, 250]), Value::UInts([23, 250].into()));
    check(DataType::UInt16Array, bytes(&[0x1e, 0, 0x88, 0xcd]), Value::UInts([30, 52_616].into()));
    check(DataType::UInt32Array, bytes(&[0x34, 0, 0, 0]), Value::UInts([52].into()));
    check(DataType::UInt64Array, bytes(&u64::MAX.to_le_bytes()), Value::UInts([u64::MAX].into()));
    check(DataType::FloatArray, bytes(&1.23_f32.to_le_bytes()), Value::Floats([1.23].into()));
    check(DataType::DoubleArray, bytes(&354.678_f64.to_le_bytes()), Value::Doubles([354.678].into()));
    check(
        DataType::DateTimeArray,
        bytes(&1_256_102_875_335_i64.to_le_bytes()),
        Value::DateTimes([1_256_102_875_335].into()),
    );
    let flags = [false, false, true, true, false, true, false, false, true, true, false, true];
    check(DataType::BooleanArray, bytes(&[12, 0, 0, 0, 0x34, 0xd0]), Value::Booleans(flags.into()));
    check(
        DataType::StringArray,
        bytes(b"ABC\0\0hello\0"),
        Value::Texts(["ABC".into(), "".into(), "hello".into()].into()),
    );
    check(DataType::StringArray, bytes(b""), Value::Texts([].into()));
    assert!(refused(DataType::Int32Array, bytes(&[1, 2, 3])).contains("3 bytes, which is no multiple of 4"));
    assert!(
        refused(DataType::BooleanArray, bytes(&[255, 255, 255, 255, 0]))
            .contains("4294967295 booleans and has 1 bytes")
    );
    assert!(refused(DataType::BooleanArray, bytes(&[1])).contains("a count of four"));
    assert!(refused(DataType::StringArray, bytes(b"ABC")).contains("zero byte"));
    assert!(refused(DataType::StringArray, bytes(&[0xff, 0])).contains("UTF-8"));
}

/// tck-id-payloads-dataset-column-num-headers, tck-id-payloads-dataset-types-num, tck-id-payloads-dataset-types-value
#[test]
fn a_data_set_has_as_many_types_and_cells_as_columns() {
    let cell = |value| DataSetValue { value: Some(value) };
    let whole = DataSet {
        num_of_columns: Some(2),
        columns: vec!["sku".into(), "count".into()],
        types: vec![12, 7],
        rows: vec![Row { elements: vec![cell(CellValue::Text("A".into())), cell(CellValue::Int(4))] }],
    };
    check(DataType::DataSet, MetricValue::DataSet(whole.clone()), Value::DataSet(Box::new(whole.clone())));
    let wrong = |set| refused(DataType::DataSet, MetricValue::DataSet(set));
    assert!(wrong(DataSet { types: vec![12], ..whole.clone() }).contains("2 columns and 1 types"));
    assert!(wrong(DataSet { num_of_columns: Some(3), ..whole.clone() }).contains("says another number"));
    assert!(wrong(DataSet { types: vec![12, 99], ..whole.clone() }).contains("type 99"));
    assert!(wrong(DataSet { rows: vec![Row::default()], ..whole }).contains("row 0"));
}

/// tck-id-payloads-template-ref-instance, tck-id-payloads-template-instance-members,
/// tck-id-payloads-propertyset-keys-array-size, tck-id-payloads-metric-propertyvalue-type-type
#[test]
fn everything_that_the_schema_has_is_read_as_it_was_written() {
    let property = |value| PropertyValue { r#type: Some(12), is_null: None, value: Some(value) };
    let inner = PropertySet { keys: vec!["engUnit".into()], values: vec![property(PropertyOf::Text("kg".into()))] };
    let sets = PropertySetList { propertyset: vec![inner.clone()] };
    let keys = vec!["a".into(), "b".into(), "Quality".into()];
    let values =
        vec![property(PropertyOf::Set(inner)), property(PropertyOf::Sets(sets)), property(PropertyOf::Int(192))];
    let template = Template {
        version: Some("v1".into()),
        metrics: vec![metric("RPMs", DataType::Int32, MetricValue::Int(7))],
        parameters: vec![Parameter {
            name: Some("Index".into()),
            r#type: Some(12),
            value: Some(ParameterValue::Text("x".into())),
        }],
        template_ref: Some("Motor".into()),
        is_definition: Some(false),
    };
    let metadata = MetaData { content_type: Some("image/png".into()), seq: Some(1), ..MetaData::default() };
    let whole = Metric {
        alias: Some(9),
        is_transient: Some(true),
        metadata: Some(metadata),
        properties: Some(PropertySet { keys, values }),
        ..metric("motor", DataType::Template, MetricValue::Template(template.clone()))
    };
    let payload = Payload { uuid: Some("u".into()), body: Some(vec![1]), ..payload(0, vec![bd_seq(0), whole]) };
    assert_eq!(decode(&encode(&payload)).unwrap(), payload);
    let mut listener = Listener::new();
    listener.hear("NBIRTH/dock", &payload).unwrap();
    let reading = listener.readings()[0];
    assert!(reading.is_transient);
    assert_eq!(reading.value, Some(Value::Template(Box::new(template))));
}

#[test]
fn a_value_that_cannot_be_read_spoils_its_metric_only() {
    let mut listener = Listener::new();
    let odd = metric("odd", DataType::Int8, MetricValue::Int(1_000));
    let late = Metric { timestamp: Some(u64::MAX), ..metric("late", DataType::Boolean, MetricValue::Boolean(true)) };
    let good = metric("good", DataType::Boolean, MetricValue::Boolean(true));
    listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(0), odd, late, good])).unwrap();
    assert_eq!(listener.shown(), ["good=Some(Boolean(true))"]);
    let codes: Vec<(&str, &str)> = (listener.out.iter())
        .filter_map(
            |output| if let wire::sparkplug::Output::Unreadable(unreadable) = output { Some(unreadable) } else { None },
        )
        .map(|unreadable| (&*unreadable.metric, unreadable.problem.code))
        .collect();
    assert_eq!(codes, [("odd", "wrong_value"), ("late", "invalid_timestamp")]);
}

//! What readers' status codes mean, in words.

use super::Node;
use super::definition::parameter;
use std::fmt::Write;

/// The code of success.
const SUCCESS: u64 = 0;

/// The codes, the standard's names for them, and their meaning.
///
/// # Source
/// LLRP 1.1, clause 15.2.1 (1.0.1: 14.2.1).
const STATUSES: [(u64, &str, &str); 27] = [
    (0, "M_Success", "done"),
    (100, "M_ParameterError", "a parameter of the message is wrong"),
    (101, "M_FieldError", "a field of the message is wrong"),
    (102, "M_UnexpectedParameter", "a parameter has no place in the message"),
    (103, "M_MissingParameter", "a parameter of the message is missing"),
    (104, "M_DuplicateParameter", "a parameter is in the message twice"),
    (105, "M_OverflowParameter", "the message has more parameters than the reader takes"),
    (106, "M_OverflowField", "a field of the message is too great for the reader"),
    (107, "M_UnknownParameter", "the reader does not know a parameter of the message"),
    (108, "M_UnknownField", "the reader does not know a field of the message"),
    (109, "M_UnsupportedMessage", "the reader does not support the message"),
    (110, "M_UnsupportedVersion", "the reader does not support the version of the protocol"),
    (111, "M_UnsupportedParameter", "the reader does not support a parameter of the message"),
    (112, "M_UnexpectedMessage", "the reader does not expect the message now"),
    (200, "P_ParameterError", "a parameter inside the parameter is wrong"),
    (201, "P_FieldError", "a field of the parameter is wrong"),
    (202, "P_UnexpectedParameter", "a parameter has no place in the parameter"),
    (203, "P_MissingParameter", "a parameter inside the parameter is missing"),
    (204, "P_DuplicateParameter", "a parameter is in the parameter twice"),
    (205, "P_OverflowParameter", "the parameter has more parameters than the reader takes"),
    (206, "P_OverflowField", "a field of the parameter is too great for the reader"),
    (207, "P_UnknownParameter", "the reader does not know a parameter inside the parameter"),
    (208, "P_UnknownField", "the reader does not know a field of the parameter"),
    (209, "P_UnsupportedParameter", "the reader does not support a parameter inside the parameter"),
    (300, "A_Invalid", "the value is not allowed"),
    (301, "A_OutOfRange", "the value is out of range"),
    (401, "R_DeviceError", "the reader itself has failed"),
];

/// How a reader answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Success,
    /// Refused; the text says why: the meaning, the standard's name and number, and the reader's own words.
    Failure(String),
}

impl Status {
    /// The status in a message that has one; `None` for one that has none.
    pub(super) fn of(content: &Node) -> Option<Self> {
        let status = content.child("LLRPStatus")?;
        let code = status.number("Status")?;
        if code == SUCCESS {
            return Some(Self::Success);
        }
        let mut text = name(code);
        if let Some(description) = status.text("ErrorDescription").filter(|description| !description.is_empty()) {
            // Writing to a string can't fail.
            let _ = write!(text, ", {}", crate::problem::shown(description));
        }
        push_place(&mut text, status);
        Some(Self::Failure(text))
    }
}

/// Where in the request the reader found the mistake, as far as it says.
fn push_place(text: &mut String, of: &Node) {
    let mut of = Some(of);
    while let Some(node) = of {
        if let Some(field) = node.child("FieldError") {
            let code = field.number("ErrorCode").unwrap_or_default();
            let _ = write!(text, "; field {}: {}", field.number("FieldIndex").unwrap_or_default(), name(code));
        }
        of = node.child("ParameterError");
        if let Some(inner) = of {
            let number = inner.number("ParameterType").unwrap_or_default();
            let known = u16::try_from(number).ok().and_then(parameter).map_or("unknown", |known| known.name);
            let code = inner.number("ErrorCode").unwrap_or_default();
            let _ = write!(text, "; parameter {known} ({number}): {}", name(code));
        }
    }
}

fn name(code: u64) -> String {
    match STATUSES.iter().find(|(known, _, _)| *known == code) {
        Some((_, name, meaning)) => format!("{meaning} ({name}, {code})"),
        None => format!("status {code}, which the standard does not define"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llrp::{Message, Version};
    use serde_json::{Value, json};

    #[test]
    fn statuses_are_told_in_words() {
        let check = |status: Value, expect: Option<&str>| {
            let message =
                Message::from_json("ADD_ROSPEC_RESPONSE", &json!({"LLRPStatus": status}), Version::V1_0_1, 1).unwrap();
            let expect = expect.map_or(Status::Success, |text| Status::Failure(text.to_owned()));
            assert_eq!(Status::of(&message.content), Some(expect));
        };
        check(json!({"Status": 0}), None);
        check(json!({"Status": 401}), Some("the reader itself has failed (R_DeviceError, 401)"));
        check(json!({"Status": 999}), Some("status 999, which the standard does not define"));
        check(
            json!({"Status": 100, "ErrorDescription": "no", "ParameterError": {
                "ParameterType": 177, "ErrorCode": 201, "FieldError": {"FieldIndex": 2, "ErrorCode": 301}
            }}),
            Some(
                "a parameter of the message is wrong (M_ParameterError, 100), 'no'; parameter ROSpec (177): a field of the parameter is wrong (P_FieldError, 201); field 2: the value is out of range (A_OutOfRange, 301)",
            ),
        );
    }
}

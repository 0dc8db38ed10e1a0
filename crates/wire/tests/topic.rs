//! Templates of topics, and the numbers in payloads.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

use wire::topic::number::{Path, Paths, read};
use wire::topic::{Kind, Names, Routes, Template};

fn names<'t>(template: &str, topic: &'t str) -> Option<Names<'t>> {
    Template::parse(template).unwrap().read(topic)
}

#[test]
fn names_are_read_where_the_template_has_them() {
    let check = |template: &str, topic: &str, site: Option<&str>, device: Option<&str>, metric: Option<&str>| {
        assert_eq!(names(template, topic), Some(Names { site, device, metric }), "{template} on {topic}");
    };
    let plain = "sites/{site}/devices/{device}/{metric}";
    check(plain, "sites/north/devices/gate-2/temp", Some("north"), Some("gate-2"), Some("temp"));
    check("yard/scale-{device}.v1/+", "yard/scale-7.v1/x", None, Some("7"), None);
    check("{site}/+/{metric...}", "north/x/weight/net", Some("north"), None, Some("weight/net"));
    check("{site}/{device}/#", "north/gate", Some("north"), Some("gate"), None);
}

#[test]
fn topics_that_are_not_of_the_template_are_left() {
    let check = |template: &str, topic: &str| assert_eq!(names(template, topic), None, "{template} on {topic}");
    check("a/{device}", "a");
    check("a/{device}", "a/");
    check("a/{device}", "a/b/c");
    check("a/{device}", "b/b");
    check("a/+", "a");
    check("a/scale-{device}", "a/gate-7");
    check("a/scale-{device}", "a/scale-");
    check("a/{metric...}", "a");
    check("a/{metric...}", "a/");
    check("{device}/x", "$SYS/x");
    check("#", "$SYS/x");
}

#[test]
fn wildcards_take_what_they_take_in_mqtt() {
    let check = |template: &str, topic: &str| {
        assert_eq!(names(template, topic), Some(Names::default()), "{template} on {topic}")
    };
    check("a/+/c", "a//c");
    check("a/#", "a");
    check("a/#", "a/b/c");
    check("#", "a/b");
    check("$SYS/+", "$SYS/x");
    check("a", "a");
}

#[test]
fn the_subscription_brings_what_the_template_reads() {
    let check = |template: &str, expect: &str| assert_eq!(Template::parse(template).unwrap().subscription(), expect);
    check("sites/{site}/devices/{device}/{metric}", "sites/+/devices/+/+");
    check("sites/north/scale-{device}/weight", "sites/north/+/weight");
    check("x/{metric...}", "x/#");
    check("spBv1.0/#", "spBv1.0/#");
}

#[test]
fn bad_templates_are_refused_with_the_level_and_the_remedy() {
    let check = |template: &str, expect: &str| {
        let problem = Template::parse(template).unwrap_err();
        assert_eq!((problem.code, problem.detail.as_str()), ("invalid_template", expect));
    };
    check(
        "",
        "template '' is empty, has a zero byte, or over 65535 bytes; write something like 'sites/{site}/devices/{device}/{metric}'",
    );
    check(
        "a/{devise}",
        "level 2 ('{devise}') of template 'a/{devise}' has the name 'devise', which is none of site, device, metric: did you mean 'device'?",
    );
    check(
        "a/{colour}",
        "level 2 ('{colour}') of template 'a/{colour}' has the name 'colour', which is none of site, device, metric",
    );
    check(
        "{site}/{site}",
        "level 2 ('{site}') of template '{site}/{site}' has a name that an earlier level has; use each name once",
    );
    check("a/#/b", "level 2 ('#') of template 'a/#/b' takes all further levels and so has to be the last");
    check(
        "{metric...}/b",
        "level 1 ('{metric...}') of template '{metric...}/b' takes all further levels and so has to be the last",
    );
    check(
        "a/b+",
        "level 2 ('b+') of template 'a/b+' has '+' or '#' beside other letters; let a wildcard be the whole level",
    );
    check("{site", "level 1 ('{site') of template '{site' has '{' without '}' behind it; write a name as {device}");
    check("site}", "level 1 ('site}') of template 'site}' has '}' without '{' before it; write a name as {device}");
    check(
        "{site}{device}",
        "level 1 ('{site}{device}') of template '{site}{device}' has more than one name or brace; write one name a level",
    );
    check(
        "x{metric...}",
        "level 1 ('x{metric...}') of template 'x{metric...}' has letters beside a name with dots; let it be the whole level",
    );
    check("$share/g/a", "template '$share/g/a' begins with '$share/'; name the share group in its own setting");
}

#[test]
fn the_first_route_that_fits_is_taken() {
    let mut routes = Routes::new();
    routes.push(Template::parse("dock/{device}/events").unwrap(), Kind::Events);
    routes.push(Template::parse("dock/{device}/{metric}").unwrap(), Kind::Sensor(Paths::default()));
    let found = |topic| routes.find(topic).map(|(index, kind, _)| (index, kind.name()));
    assert_eq!(found("dock/gate/events"), Some((0, "events")));
    assert_eq!(found("dock/gate/temp"), Some((1, "sensor")));
    assert_eq!(found("yard/gate/temp"), None);
}

fn paths(value: &str, at: &str, unit: &str) -> Paths {
    let path = |text: &str| (!text.is_empty()).then(|| Path::parse(text).unwrap());
    Paths { value: path(value), at: path(at), unit: path(unit) }
}

#[test]
fn numbers_are_read_by_themselves_and_at_paths() {
    let check = |payload: &str, paths: &Paths, value: &str| {
        assert_eq!(&*read(payload.as_bytes(), paths).unwrap().value, value, "{payload}");
    };
    check("21.50", &Paths::default(), "21.50");
    check(" -3e2\r\n", &Paths::default(), "-3e2");
    check(r#"{"a":[{"v":"7.10"}]}"#, &paths("a.0.v", "", ""), "7.10");
    check(r#"{"a":12}"#, &paths("a", "b", "c"), "12");
    let whole = read(br#"{"v":1,"t":"2026-02-16T10:00:00Z","u":"kg"}"#, &paths("v", "t", "u")).unwrap();
    assert_eq!((whole.at.unwrap().0, whole.unit.as_deref()), (1_771_236_000_000_000, Some("kg")));
    for time in ["1771236000", "1771236000000", "1771236000000000"] {
        let payload = format!(r#"{{"v":1,"t":{time}}}"#);
        let measured = read(payload.as_bytes(), &paths("v", "t", "")).unwrap();
        assert_eq!(measured.at.unwrap().0, 1_771_236_000_000_000, "{time}");
    }
}

#[test]
fn payloads_without_a_number_say_what_is_wrong() {
    let check = |payload: &[u8], paths: &Paths, code: &str| {
        let problem = read(payload, paths).unwrap_err();
        assert_eq!(problem.code, code, "{}", problem.detail);
    };
    check(b"", &Paths::default(), "invalid_number");
    check(b"21,5", &Paths::default(), "invalid_number");
    check(b"NaN", &Paths::default(), "invalid_number");
    check(b"1e999", &Paths::default(), "invalid_number");
    check(b"\xff", &Paths::default(), "invalid_utf8");
    check(b"{", &paths("a", "", ""), "invalid_json");
    check(b"{}", &paths("a", "", ""), "missing_field");
    check(br#"{"a":null}"#, &paths("a", "", ""), "missing_field");
    check(br#"{"a":true}"#, &paths("a", "", ""), "invalid_number");
    check(br#"{"a":1,"t":"soon"}"#, &paths("a", "t", ""), "invalid_timestamp");
    check(br#"{"a":1,"t":-5}"#, &paths("a", "t", ""), "invalid_timestamp");
    check(br#"{"a":1,"t":[]}"#, &paths("a", "t", ""), "invalid_timestamp");
    check(br#"{"a":1,"u":5}"#, &paths("a", "", "u"), "invalid_unit");
    check(&[b'1'; 65_537], &Paths::default(), "too_large");
    check("[".repeat(60_000).as_bytes(), &paths("a", "", ""), "invalid_json");
    assert_eq!(Path::parse("a..b").unwrap_err().code, "invalid_path");
    assert_eq!(Path::parse(&["a"; 17].join(".")).unwrap_err().code, "invalid_path");
}

#[test]
fn no_topic_whatever_makes_a_template_panic() {
    let templates = ["a/{device}/#", "{site}/x{device}y/{metric...}", "+/+", "#", "a"];
    let pieces = ["", "a", "/", "$", "x", "y", "xy", "+", "#", "é", "//", "{device}"];
    for (first, second) in pieces.iter().flat_map(|first| pieces.iter().map(move |second| (first, second))) {
        for (third, template) in pieces.iter().flat_map(|third| templates.iter().map(move |template| (third, template)))
        {
            let topic = format!("{first}{second}{third}");
            let found = names(template, &topic).unwrap_or_default();
            assert!(found.device != Some("") && found.metric != Some(""), "{template} on {topic}");
            drop(Template::parse(&topic));
        }
    }
}

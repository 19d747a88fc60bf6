//! Where settings come from, and what is refused.

use super::*;

fn read(flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: &str) -> Result<Settings, BadSetting> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wachat.toml");
    std::fs::write(&path, file).unwrap();
    let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Settings::read(&flags, Some(&path), |name| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = read(&[], &[], "").unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url, "sqlite:./wachat-data/wachat.db");
    assert_eq!(settings.rate_limit, limits::RATE_LIMIT_DEFAULT);
    assert_eq!(settings.public_url, "http://127.0.0.1:8080");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "rate_limit = 3\nlog = \"debug\"\nallow_networks = [\"10.0.0.0/8\", \"127.0.0.0/8\"]";
    let settings = read(&[("rate_limit", "1")], &[("WACHAT_RATE_LIMIT", "2"), ("WACHAT_LOG", "warn")], file).unwrap();
    assert_eq!((settings.rate_limit, settings.log.as_str()), (1, "warn"));
    assert_eq!(settings.allow_networks.len(), 2);
}

#[test]
fn a_bad_value_is_named_with_the_place_it_stands_in() {
    for (flags, environment, file, said) in [
        (vec![("listen", "8080")], vec![], "", "--listen: '8080' is not an address and a port"),
        (vec![], vec![("WACHAT_RATE_LIMIT", "fast")], "", "WACHAT_RATE_LIMIT: 'fast' is not"),
        (vec![], vec![], "log_format = \"xml\"", "log_format in "),
        (vec![], vec![("WACHAT_ALLOW_NETWORKS", "10.0.0.0/8,home")], "", "WACHAT_ALLOW_NETWORKS: 'home' is not"),
        (vec![], vec![("WACHAT_PUBLIC_URL", "gateway.example")], "", "WACHAT_PUBLIC_URL"),
        (vec![], vec![], "colour = 1", "'colour' is no setting"),
        (vec![], vec![], "lisen = 'x'", "'lisen' is no setting; did you mean listen?"),
        (vec![], vec![], "listen = ", "wachat.toml"),
    ] {
        let error = read(&flags, &environment, file).unwrap_err().to_string();
        assert!(error.contains(said), "{error} should say {said}");
    }
}

#[test]
fn the_file_may_hold_what_the_s3_client_needs_and_the_environment_wins() {
    let file = "aws_region = 'ap-southeast-3'\naws_secret_access_key = 'quiet'";
    let settings = read(&[], &[("AWS_REGION", "eu-west-1")], file).unwrap();
    assert_eq!(settings.bucket.len(), 1);
    assert_eq!((settings.bucket[0].0.as_str(), settings.bucket[0].1.0.as_str()), ("aws_secret_access_key", "quiet"));
    assert!(!format!("{settings:?}").contains("quiet"));
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let settings = read(&[], &[("WACHAT_ADMIN_PASSWORD", "hunter2"), ("WACHAT_MASTER_KEY", "abc")], "").unwrap();
    assert!(!format!("{settings:?}").contains("hunter2") && !format!("{settings:?}").contains("abc"));
}

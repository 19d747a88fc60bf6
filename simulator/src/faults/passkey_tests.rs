//! The effects of the linking faults, and how often they fire.

use serde_json::json;

use super::*;

fn plan_with(fault: serde_json::Value, scope: serde_json::Value) -> Plan {
    let plan = Plan::new(1);
    let planned = serde_json::from_value(json!({"fault": fault, "scope": scope})).expect("a fault");
    plan.add(planned).expect("possible");
    plan
}

fn phone() -> DeviceName {
    DeviceName::new("15550001", 0)
}

/// The plan's decision at each linking hook.
fn decisions(plan: &Plan) -> (bool, bool, PrologueDecision, bool) {
    (
        plan.sends_link_code_without_keys(&phone()),
        plan.omits_passkey_options(&phone()),
        plan.on_passkey_prologue(&phone()),
        plan.refuses_passkey_commitment(&phone()),
    )
}

#[test]
fn each_fault_of_linking_strikes_at_its_own_moment() {
    let accept = PrologueDecision::Accept;
    let cases = [
        ("link_code_without_keys", (true, false, accept, false)),
        ("passkey_options_omitted", (false, true, accept, false)),
        ("passkey_assertion_refused", (false, false, PrologueDecision::Refuse, false)),
        ("passkey_challenge_expired", (false, false, PrologueDecision::Expire, false)),
        ("passkey_not_continued", (false, false, PrologueDecision::KeepSilent, false)),
        ("passkey_hurried", (false, false, PrologueDecision::Hurry, false)),
        ("passkey_commitment_refused", (false, false, accept, true)),
        ("not_on_whatsapp", (false, false, accept, false)),
    ];
    for (kind, expected) in cases {
        assert_eq!(decisions(&plan_with(json!({ "kind": kind }), json!({}))), expected, "{kind}");
    }
}

#[test]
fn faults_of_linking_are_counted_and_named_by_the_phone_of_the_account() {
    let scope = json!({"account": "15550001", "how_often": {"next": 1}});
    let plan = plan_with(json!({"kind": "passkey_assertion_refused"}), scope);
    assert_eq!(plan.on_passkey_prologue(&DeviceName::new("15550002", 0)), PrologueDecision::Accept);
    let outcomes = [(); 2].map(|()| plan.on_passkey_prologue(&phone()));
    assert_eq!(outcomes, [PrologueDecision::Refuse, PrologueDecision::Accept]);
    assert_eq!(plan.log().lines(), ["1 passkey_assertion_refused passkey_prologue 15550001:0 #1"]);
}

#[test]
fn a_refused_code_and_the_end_of_a_stream_come_at_the_moments_of_their_scope() {
    let plan = plan_with(json!({"kind": "link_code_refused", "code": 429, "backoff_seconds": 60}), json!({}));
    let refusal = Some(LinkCodeRefusal { code: 429, backoff_seconds: Some(60) });
    for hook in [Hook::LinkCodeHello, Hook::LinkCodeFinish] {
        assert_eq!(plan.on_link_code(hook, &phone()), refusal);
    }
    let fault = json!({"kind": "linking_ended", "how": {"stream_error": 401}});
    let plan = plan_with(fault, json!({"moment": "passkey_refusal"}));
    for hook in [Hook::Link, Hook::LinkSigned] {
        assert_eq!(plan.ends_linking(hook, &phone()), None);
    }
    assert_eq!(plan.ends_linking(Hook::PasskeyRefusal, &phone()), Some(LinkingEnd::StreamError(401)));
    assert_eq!(plan.on_link_code(Hook::LinkCodeHello, &phone()), None);
}

#[test]
fn a_scenario_may_hold_a_fault_of_linking() {
    let text = "seed = 1
        [[step]]
        fault = { kind = \"passkey_not_continued\" }
        scope = { account = \"15550001\", moment = \"passkey_prologue\" }";
    let scenario = Scenario::parse(std::path::Path::new("day.toml"), text).expect("a scenario");
    assert_eq!(scenario.steps[0].planned.fault, Fault::PasskeyNotContinued {});
}

#[test]
fn a_scope_may_name_the_moment_of_a_fault_and_no_other() {
    let planned = |hook| {
        let fault = json!({"kind": "passkey_commitment_refused"});
        let planned: PlannedFault =
            serde_json::from_value(json!({"fault": fault, "scope": {"moment": hook}})).expect("a fault");
        planned.check()
    };
    assert_eq!(planned("passkey_nonce"), Ok(()));
    let refused =
        "passkey_commitment_refused never comes at the moment link_code; leave moment out, or use passkey_nonce";
    assert_eq!(planned("link_code"), Err(refused.to_owned()));
}

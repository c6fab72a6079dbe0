//! Lists to their end, and servers whose lists have none.

use gate_client::{ClientError, Most};
use gate_protocol::account::ChangePrincipal;
use gate_protocol::page::Cursor;
use gate_protocol::problem::{Problem, ProblemCode};

use crate::sample::json;
use crate::stub::{JSON, PROBLEM, Stub, answer};

fn page(names: &[&str], next: Option<&Cursor>) -> Vec<u8> {
    let principal = |name: &&str| format!(r#"{{"name":"{name}","kind":"user","groups":[]}}"#);
    let principals: Vec<String> = names.iter().map(principal).collect();
    let next = next.map_or_else(String::new, |next| format!(r#","next":"{next}""#));
    let body = format!(r#"{{"principals":[{}]{next}}}"#, principals.join(","));
    answer(200, JSON, body)
}

fn cursor(key: &str) -> Cursor {
    Cursor::after("principals", key)
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let next = cursor("b");
    let pages = vec![page(&["a", "b"], Some(&next)), page(&["c"], None)];
    let (stub, seen) = Stub::answering(pages);
    let listed = stub.client().principals(Most::default()).await.unwrap();
    let names: Vec<&str> = listed.items.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((names, listed.has_more), (vec!["a", "b", "c"], false));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].target(), "GET /v1/principals?limit=100");
    let second = format!("GET /v1/principals?limit=100&cursor={next}");
    assert_eq!(seen[1].target(), second);
}

#[tokio::test]
async fn no_more_is_asked_for_than_is_wanted() {
    let next = cursor("b");
    let (stub, seen) = Stub::answering(vec![page(&["a", "b"], Some(&next))]);
    let listed = stub.client().principals(Most(Some(2))).await.unwrap();
    assert_eq!((listed.items.len(), listed.has_more), (2, true));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].target(), "GET /v1/principals?limit=2");
}

#[tokio::test]
async fn a_list_that_leads_back_or_nowhere_is_no_answer() {
    let (one, two) = (cursor("1"), cursor("2"));
    let round = vec![
        page(&["a"], Some(&one)),
        page(&["b"], Some(&two)),
        page(&["c"], Some(&one)),
    ];
    for pages in [round, vec![page(&[], Some(&one))]] {
        let (stub, _) = Stub::answering(pages);
        let error = stub.client().principals(Most::default()).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_change_names_what_was_seen_and_a_refusal_says_that_it_is_stale() {
    let stale = Problem::new(ProblemCode::Stale, "it was changed");
    let (stub, seen) = Stub::answering(vec![answer(412, PROBLEM, json(&stale))]);
    let wanted = ChangePrincipal::default();
    let changed = stub
        .client()
        .change_principal("bob", &wanted, Some("\"a\""))
        .await;
    let Err(ClientError::Refused(problem)) = changed else {
        panic!("{changed:?}");
    };
    assert_eq!(problem.code, ProblemCode::Stale);
    assert_eq!(seen.lock().unwrap()[0].header("if-match"), Some("\"a\""));
}

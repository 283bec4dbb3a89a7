//! What is called is what leave was given for.

use switchboard_grpc::{CallConfig, CallRefused, Caller, Tls};
use switchboard_model::{Leave, SendPermit, SendRules, Target};

use crate::server::{Server, origin, permit, shop};
use crate::told::{With as _, call, caller, not_done, sent, to};

#[tokio::test]
async fn a_call_to_another_authority_is_refused_without_a_connection() {
    let (server, other) = (Server::start(shop()).await, Server::start(shop()).await);
    let caller = caller(&server);
    for address in [other.origin(), origin(&format!("https://{}", server.address)), origin("http://shop.example:1")] {
        let (outcome, told) = call(&caller, to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
        assert!(not_done(&outcome).contains("leave was given for"), "{outcome:?}");
        assert!(!told.has_left);
    }
    assert_eq!((server.num_connections(), other.num_connections()), (0, 0));
}

#[tokio::test]
async fn connected_to_are_the_addresses_of_the_permit_whatever_the_host_is() {
    let server = Server::start(shop()).await;
    let address = origin("http://shop.invalid:1");
    let caller = Caller::new(permit(&address, &["127.0.0.1:1".parse().expect("an address"), server.address]), CallConfig::default()).expect("a caller");
    let (outcome, told) = call(&caller, to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert!(told.has_left && told.messages.len() == 1, "{outcome:?}");
}

#[tokio::test]
async fn a_permit_for_something_else_makes_no_caller() {
    let server = Server::start(shop()).await;
    for target in [Target::Origin(server.origin()), Target::Cluster("abc".to_owned())] {
        let addresses = [server.address];
        let rules = SendRules {
            name: "shop",
            target: Some(target),
            addresses: &addresses,
            leave: Leave::Given,
            is_unlocked: false,
            is_production: false,
            typed_name: None,
        };
        let refused = Caller::new(SendPermit::from_rules(&rules).expect("allowed"), CallConfig::default()).err();
        assert_eq!(refused, Some(CallRefused::NotAuthority { name: "shop".to_owned() }));
    }
    let refused = Caller::new(permit(&server.origin(), &[]), CallConfig::default()).err();
    assert!(matches!(refused, Some(CallRefused::NoAddress { .. })), "{refused:?}");
}

#[test]
fn settings_that_cannot_be_used_are_told_before_anything_is_connected_to() {
    let refused = |authority: Option<&str>, tls: Tls| {
        let config = CallConfig { authority: authority.map(str::to_owned), tls, ..CallConfig::default() };
        Caller::new(permit(&origin("https://shop.example"), &["127.0.0.1:1".parse().expect("an address")]), config).err().expect("refused").to_string()
    };
    for authority in ["", "joe:hunter2@shop", "a b", "shop/path", "a_b\n"] {
        assert!(refused(Some(authority), Tls::default()).contains("no authority"), "{authority:?}");
    }
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for (tls, part) in [
        (Tls { root_certificates_pem: Some(b"none".to_vec()), ..Tls::default() }, "root certificates hold none"),
        (Tls { identity_pem: Some(b"none".to_vec()), ..Tls::default() }, "our certificate is missing"),
        (Tls { identity_pem: Some(key.as_bytes().to_vec()), ..Tls::default() }, "our certificate is missing"),
    ] {
        let told = refused(None, tls);
        assert!(told.contains(part) && !told.contains("c2VjcmV0"), "{told}");
    }
}

#[tokio::test]
async fn metadata_that_http_writes_itself_is_refused() {
    let server = Server::start(shop()).await;
    for name in ["te", "host", "content-length", "transfer-encoding", "grpc-status", "grpc-timeout"] {
        let (outcome, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Get").metadata(name, "1"), sent(&[b"a"])).await;
        assert!(not_done(&outcome).contains(name) && !told.has_left, "{outcome:?}");
    }
    assert_eq!(server.num_connections(), 0);
}

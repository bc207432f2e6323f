//! The built-in rules on made-up secrets. They are put together at run time, so that no scanner takes them for real ones.
#![allow(clippy::expect_used, reason = "a rule of ours that does not compile is what the test is for")]

use std::sync::{Arc, LazyLock};

use midstream_stream::redact::{Redactor, Rule, RuleSet};

static RULES: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| Arc::new(RuleSet::new(&Rule::all_built_in()).expect("built-in rules compile")));

/// `length` characters that look drawn at random.
fn filler(alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..length).map(|at| alphabet[(at * at * 7 + at * 5 + 3) % alphabet.len()]).collect()
}

const HEX: &str = "0123456789abcdef";
const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn mixed(prefix: &[&str], length: usize) -> String {
    prefix.concat() + &filler(MIXED, length)
}

/// A secret told by the name before it, which stays; `\u{0}` parts the two.
fn named(name: &[&str], length: usize) -> String {
    let name = name.concat();
    let parted = if name.contains('\u{0}') { name } else { name + "\u{0}" };
    parted + &filler(MIXED, length)
}

fn hex(prefix: &[&str], length: usize) -> String {
    prefix.concat() + &filler(HEX, length)
}

fn key_block(lines: usize, end: bool) -> String {
    let dashes = "-".repeat(5);
    let body = (filler(MIXED, 64) + "\n").repeat(lines);
    let end = if end { format!("{dashes}END RSA {} KEY{dashes}", "PRIVATE") } else { String::new() };
    format!("{dashes}BEGIN RSA {} KEY{dashes}\n{body}{end}", "PRIVATE")
}

/// Every rule with secrets it must find.
fn secrets() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("private_key", vec![key_block(6, true), key_block(90, true)]),
        ("jwt", vec![format!("{}.{}.{}", mixed(&["ey", "J"], 20), mixed(&["ey", "J"], 40), mixed(&[], 43))]),
        ("anthropic_key", vec![mixed(&["sk-", "ant-", "api03-"], 95)]),
        ("openrouter_key", vec![hex(&["sk-", "or-", "v1-"], 64)]),
        ("openai_key", vec![mixed(&["sk", "-"], 48), mixed(&["sk", "-proj-"], 120)]),
        ("stripe_key", vec![mixed(&["sk", "_live_"], 24), mixed(&["rk", "_test_"], 99), mixed(&["wh", "sec_"], 32)]),
        ("aws_access_key", vec!["AK".to_owned() + "IA" + &filler("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)]),
        (
            "aws_secret_key",
            vec![
                named(&["aws_secret", "_access_key = "], 40),
                named(&["AWS_SECRET", "_ACCESS_KEY="], 40),
                named(&["awsSecret", "AccessKey\": \""], 40),
            ],
        ),
        ("aws_session_token", vec![mixed(&["FwoGZXI", "vYXdzE"], 300) + "=="]),
        ("azure_storage_key", vec![named(&["Account", "Key="], 86) + "==", named(&["SharedAccess", "Key="], 43) + "="]),
        ("azure_sas_signature", vec![named(&["si", "g="], 43) + "%3D"]),
        ("azure_client_secret", vec![mixed(&["a1~", "8Q~"], 34)]),
        ("google_api_key", vec![mixed(&["AI", "za"], 35)]),
        ("google_oauth_token", vec![mixed(&["ya", "29.a0"], 60), mixed(&["GOC", "SPX-"], 28)]),
        ("github_token", vec![mixed(&["gh", "p_"], 36), mixed(&["github", "_pat_"], 82)]),
        ("gitlab_token", vec![mixed(&["gl", "pat-"], 20), mixed(&["GR1348", "941"], 20), mixed(&["gl", "rt-t1_"], 20)]),
        ("slack_token", vec![format!("{}-{}-{}", mixed(&["xo", "xb-"], 12), "123456789012", mixed(&[], 24))]),
        ("slack_webhook", vec![mixed(&["https://hooks.slack", ".com/services/T0/B0/"], 24)]),
        ("hugging_face_token", vec![mixed(&["h", "f_"], 34)]),
        ("npm_token", vec![mixed(&["np", "m_"], 36)]),
        ("pypi_token", vec![mixed(&["pypi", "-AgEIcHlwaS5vcmc"], 80)]),
        ("sendgrid_key", vec![format!("{}.{}", mixed(&["S", "G."], 22), mixed(&[], 43))]),
        ("mailgun_key", vec![hex(&["ke", "y-"], 32)]),
        ("twilio_key", vec![hex(&["S", "K"], 32)]),
        ("shopify_token", vec![hex(&["shp", "at_"], 32)]),
        ("digitalocean_token", vec![hex(&["do", "p_v1_"], 64)]),
        ("databricks_token", vec![hex(&["da", "pi"], 32)]),
        ("docker_token", vec![mixed(&["dckr", "_pat_"], 27)]),
        ("grafana_token", vec![format!("{}_{}", mixed(&["gl", "sa_"], 32), hex(&[], 8))]),
        ("groq_key", vec![mixed(&["gs", "k_"], 52)]),
        ("perplexity_key", vec![mixed(&["pp", "lx-"], 48)]),
        ("replicate_token", vec![mixed(&["r", "8_"], 37)]),
        ("xai_key", vec![mixed(&["xa", "i-"], 80)]),
        ("vault_token", vec![mixed(&["hv", "s."], 24)]),
        ("telegram_token", vec![format!("{}:{}", "1234567890", mixed(&["A", "A"], 33))]),
        ("age_key", vec![["AGE-SECRET", "-KEY-1"].concat() + &filler("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)]),
        ("atlassian_token", vec![mixed(&["ATA", "TT3"], 180)]),
        ("discord_token", vec![format!("{}.{}.{}", mixed(&["M", "T"], 22), mixed(&[], 6), mixed(&[], 38))]),
        ("langsmith_key", vec![format!("{}_{}", hex(&["lsv2", "_pt_"], 32), hex(&[], 10))]),
        ("linear_key", vec![mixed(&["lin", "_api_"], 40)]),
        ("mailchimp_key", vec![hex(&["mailchimp", " key: \u{0}"], 32) + "-us12"]),
        ("new_relic_key", vec![["NR", "AK-"].concat() + &filler("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 27)]),
        ("notion_token", vec![mixed(&["nt", "n_"], 46), mixed(&["secret", "_"], 43)]),
        ("pinecone_key", vec![format!("{}_{}", mixed(&["pc", "sk_"], 6), mixed(&[], 63))]),
        ("postman_key", vec![format!("{}-{}", hex(&["PM", "AK-"], 24), hex(&[], 34))]),
        ("rubygems_key", vec![hex(&["ruby", "gems_"], 48)]),
        ("sentry_token", vec![mixed(&["sntr", "yu_"], 64)]),
        ("square_token", vec![mixed(&["sq0", "atp-"], 22), mixed(&["EA", "AA"], 60)]),
        ("supabase_token", vec![hex(&["sb", "p_"], 40)]),
        ("bearer_token", vec![named(&["Bear", "er "], 40), named(&["bear", "er \u{0}a1"], 16)]),
        ("basic_credentials", vec!["Basic \u{0}".to_owned() + "dXNlcjpw" + "YXNzd29yZA=="]),
        ("email", vec!["jane.doe+tag@mail.example.org".to_owned(), "a@b.io".to_owned()]),
        ("iban", vec!["DE89 3704 0044 0532 0130 00".to_owned(), "GB29NWBK60161331926819".to_owned()]),
        (
            "card",
            [
                "4111 1111 1111 1111",
                "378282246310005",
                "5555-5555-5555-4444",
                "2223003122003222",
                "6011111111111117",
                "30569309025904",
                "3530111333300000",
            ]
            .map(str::to_owned)
            .into(),
        ),
        (
            "phone",
            [
                "+44 20 7946 0958",
                "+49 (0)30 901820",
                "+15550100123",
                "+1 (555) 555-0123 ext. 42",
                "+33 1 23 45 67 89",
                "+81-3-1234-5678",
                "0044 20 7946 0958",
                "(555) 555-0123",
                "1-555-555-0123",
                "555-555-0123x9",
            ]
            .map(str::to_owned)
            .into(),
        ),
    ]
}

/// What a rule leaves of a text, and the names of the rules that found something.
fn found(text: &str) -> (String, Vec<&'static str>) {
    let (mut released, mut redactions) = (String::new(), Vec::new());
    let mut redactor = Redactor::new(Arc::clone(&RULES));
    redactor.push(text, &mut released, &mut redactions);
    redactor.finish(&mut released, &mut redactions);
    (released, redactions.iter().map(|redaction| RULES.name(redaction.rule)).collect())
}

#[test]
fn every_built_in_rule_has_a_secret_here() {
    let with: Vec<&str> = secrets().iter().map(|(name, _)| *name).collect();
    let rules = Rule::all_built_in();
    assert_eq!(with, rules.iter().map(Rule::name).collect::<Vec<_>>());
}

#[test]
fn every_secret_is_replaced_by_its_rule_alone_at_every_cut() {
    for (name, texts) in secrets() {
        for secret in texts {
            let (before, secret) = secret.split_once('\u{0}').unwrap_or(("", &secret));
            let text = format!("It is \u{201c}{before}{secret}\u{201d}, é😀.");
            let expected = format!("It is \u{201c}{before}[{}]\u{201d}, é😀.", name.to_uppercase());
            assert_eq!(found(&text), (expected.clone(), vec![name]), "{secret}");
            if text.len() > 1_000 {
                continue;
            }
            for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (mut released, mut redactions) = (String::new(), Vec::new());
                let mut redactor = Redactor::new(Arc::clone(&RULES));
                redactor.push(&text[..cut], &mut released, &mut redactions);
                assert!(expected.starts_with(&released), "{name}: {released:?} of {:?}", &text[..cut]);
                redactor.push(&text[cut..], &mut released, &mut redactions);
                redactor.finish(&mut released, &mut redactions);
                assert_eq!(released, expected, "{name} cut at {cut}");
                assert_eq!(
                    (redactions[0].offset, redactions[0].length as usize),
                    (7 + before.len() as u64, secret.chars().count())
                );
            }
        }
    }
}

#[test]
fn ordinary_text_is_left_alone() {
    let texts = [
        "Ask for sk-learn or task-management, not for a bearer of bad news or basic responsibilities.",
        "The number 4111 1111 1111 1112 fails its check, 12345678901234567890 is no card, and 2026-11-21 is a day.",
        "DE89 3704 0044 0532 0130 01 is no account; THE QUICK BROWN FOX is none either.",
        "Write user@host, @name, name@, a@b.c and 192.168.100.200:8080.",
        "-----BEGIN PUBLIC KEY----- and -----BEGIN CERTIFICATE----- are no secrets, nor is a line -----",
        "ghp_short, AKIASHORT, xoxb-1, eyJ.eyJ.x and key-0123 are too short.",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, md5 d41d8cd98f00b204e9800998ecf8427e, e3b0c44298fc1c149afbf4c8996fb924",
        "550e8400-e29b-41d4-a716-446655440000 and 6ba7b810-9dad-11d1-80b4-00c04fd430c8 are UUIDs.",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, DOI 10.1000/182, EAN 4006381333931, ISSN 2049-3630.",
        "2026-11-21T10:00:00+01:00, 2026-11-21 10:00:00.123456, 1732212345, 1732212345678, 1732212345678901234",
        "10.0.0.1:8080, fe80::1ff:fe23:4567:890a, v1.2.3-rc.1+build.5, 3.14159265358979, 1,234,567.89, 6.02214076e23",
        "let x = a+1234567 + 0x1F; y += 100; if (200) { z = -300.400; } // TODO(bob): 100-200-300",
        "@decorator def f(a: int) -> str: return f'{a}@{b}' # lodash@4.17.21 <T extends A>",
        "curl -H 'Authorization: Bearer $TOKEN' -u user:$PASS https://api.example.org/v1/items?limit=100&sig=abc",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= integrity, secret_key = os.environ['SECRET_KEY']",
        "the bearer of responsibilities; basic understanding; a bearer internationalization; Basic arithmetic",
        "AKIA is a prefix; sk-spinner-three-bounce, sk-cube-grid, pk_live_publishable, hf_hub_download, npm_config_registry",
        "BE careful: GB 1234, FR 2026, DE-10115 Berlin, NL 1012 AB; ORDER 1234-5678-9012; 00 12 34",
    ];
    for text in texts {
        assert_eq!(found(text), (text.to_owned(), vec![]));
    }
}

#[test]
fn a_key_block_cut_off_before_its_end_is_masked_as_far_as_it_came() {
    let text = key_block(3, false) + &filler(MIXED, 20);
    assert_eq!(found(&text).0, "[PRIVATE_KEY]");
    assert_eq!(found("-----BEGIN PRIVATE KEY----- begins a block.").0, "-----BEGIN PRIVATE KEY----- begins a block.");
}

#[test]
fn beyond_its_limit_a_match_is_masked_until_its_rule_ends_and_nothing_is_held() {
    let mut redactor = Redactor::new(Arc::clone(&RULES));
    let (mut released, mut redactions) = (String::new(), Vec::new());
    let dashes = "-".repeat(5);
    redactor.push(&format!("x {dashes}BEGIN {} KEY{dashes}\n", "PRIVATE"), &mut released, &mut redactions);
    for _ in 0..1_000 {
        redactor.push(&(filler(MIXED, 64) + "\n"), &mut released, &mut redactions);
        assert!(redactor.held() <= Rule::MAX_LEN);
    }
    assert_eq!((released.as_str(), redactor.held()), ("x [PRIVATE_KEY]", 0));
    redactor.push(&format!("{dashes}END {} KEY{dashes} y", "PRIVATE"), &mut released, &mut redactions);
    redactor.finish(&mut released, &mut redactions);
    assert_eq!(released, "x [PRIVATE_KEY] y");
    assert!(redactions.len() == 1 && redactions[0].overflow && redactions[0].length > 65_000);
}

#[test]
fn text_without_secrets_is_held_by_the_word() {
    let text = "The wharves of the lower town smelled of tar, and carts went by before the sun was up. ".repeat(20);
    let mut redactor = Redactor::new(Arc::clone(&RULES));
    let (mut released, mut redactions) = (String::new(), Vec::new());
    let mut held = 0;
    for character in text.chars() {
        redactor.push(character.encode_utf8(&mut [0; 4]), &mut released, &mut redactions);
        held += redactor.held();
    }
    assert!(held < 4 * text.len(), "{held} of {}", text.len());
}

#[test]
fn rules_of_ones_own_stand_beside_all_built_in_ones() {
    for pattern in ["ключ", r"\d{3}-\d{4}", r"\b\d{5}\b", r"\w{3}-\d{4}", r"https://[^ ]{1,200}"] {
        let mut rules = Rule::all_built_in();
        rules.push(Rule::new("own", pattern));
        assert_eq!(RuleSet::new(&rules).map(|_| ()), Ok(()), "{pattern}");
    }
}

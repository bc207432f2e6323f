//! Texts as models write them: with secrets, with what only looks like them, and how much of them waits.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a rule of ours that does not compile is what the test is for")]

mod secrets;

use std::sync::{Arc, LazyLock};

use midstream_stream::redact::{Redactor, Rule, RuleSet};
use secrets::{CAPITALS, DIGITS, HEX, MIXED, Random, assert_same_at_every_cut};

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| Arc::new(RuleSet::new(&Rule::all_built_in()).unwrap()));

/// Made-up secrets by a name, put together at run time, so that no scanner takes them for real ones.
fn known(name: &str) -> String {
    let mut random = Random(name.len() as u64);
    match name {
        "aws" => ["AK", "IA"].concat() + &random.of(&(CAPITALS.to_owned() + "234567"), 16),
        "awssecret" => random.of(MIXED, 18) + "/" + &random.of(MIXED, 10) + "+" + &random.of(MIXED, 10),
        "gh" => ["gh", "p_"].concat() + &random.of(MIXED, 36),
        "openai" => ["sk-", "proj-"].concat() + &random.of(MIXED, 60),
        "claude" => ["sk-", "ant-api03-"].concat() + &random.of(MIXED, 90),
        "slack" => ["xo", "xb-123456789012-"].concat() + &random.of(MIXED, 24),
        "stripe" => ["sk_", "live_"].concat() + &random.of(MIXED, 24),
        "google" => ["AI", "za"].concat() + &random.of(MIXED, 35),
        "hf" => ["h", "f_"].concat() + &random.of(MIXED, 34),
        "npm" => ["np", "m_"].concat() + &random.of(MIXED, 36),
        "jwt" => {
            ["ey", "J", &random.of(MIXED, 20), ".ey", "J", &random.of(MIXED, 30), ".", &random.of(MIXED, 43)].concat()
        }
        "token" => random.of(MIXED, 40),
        "hextoken" => random.of(HEX, 32),
        "basic" => ["dXNlcjpw", "YXNzd29yZA=="].concat(),
        "b64" => random.of(MIXED, 64),
        "telegram" => ["1234567890:", "AA"].concat() + &random.of(MIXED, 33),
        "twilio" => ["S", "K"].concat() + &random.of(HEX, 32),
        other => panic!("no secret is named {other}"),
    }
}

/// A text with `‹name›` filled in, and what it becomes where `⟦...⟧` stands around each secret.
fn written(text: &str) -> (String, Vec<String>) {
    let mut whole = text.replace('␤', "\n");
    while let Some((head, rest)) = whole.split_once('‹') {
        let Some((name, tail)) = rest.split_once('›') else { break };
        whole = format!("{head}{}{tail}", known(name));
    }
    let mut kept = Vec::new();
    for part in whole.split('⟧') {
        kept.push(part.split_once('⟦').map_or(part, |(before, _)| before).to_owned());
    }
    (whole.replace(['⟦', '⟧'], ""), kept)
}

/// Whether `output` is `kept` with one replacement between each two.
fn is_replaced(output: &str, kept: &[String]) -> bool {
    let mut rest = output;
    for (at, part) in kept.iter().enumerate() {
        if at > 0 {
            let Some((name, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                return false;
            };
            if !name.chars().all(|character| character.is_ascii_uppercase() || character == '_') {
                return false;
            }
            rest = behind;
        }
        let Some(behind) = rest.strip_prefix(part.as_str()) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

const SECRETS: &[&str] = &[
    // Emphasis.
    "_⟦bob@example.org⟧_ and __⟦ann@example.com⟧__, ***⟦eve@example.net⟧***, ~~⟦x.y@example.io⟧~~",
    "_⟦‹aws›⟧_ __⟦‹gh›⟧__ KEY_⟦‹aws›⟧ **⟦‹openai›⟧** `⟦‹hf›⟧` ~⟦‹stripe›⟧~",
    "_⟦4111 1111 1111 1111⟧_ __⟦4111111111111111⟧__ **⟦5555-5555-5555-4444⟧**",
    "_⟦DE89 3704 0044 0532 0130 00⟧_, *⟦GB29NWBK60161331926819⟧*",
    "_⟦+49 170 1234567⟧_ __⟦(555) 123-4567⟧__",
    "my_token_⟦‹gh›⟧_old, prefix_⟦‹slack›⟧, _⟦‹jwt›⟧",
    "x_⟦‹google›⟧ y_⟦‹npm›⟧ z_⟦‹claude›⟧",
    // Behind their labels.
    "Phone number: ⟦555-123-4567⟧, Tel. No.: ⟦415-555-2671⟧, Caller ID: ⟦555-123-4567⟧, Contact no: ⟦020 7946 0958⟧",
    "Bob,12,⟦555-123-4567⟧␤Ann,7,⟦4111111111111111⟧␤Telefon-Nr. ⟦0170 1234567⟧",
    "https://api.telegram.org/bot⟦‹telegram›⟧/getMe and TELEGRAM_TOKEN=⟦‹telegram›⟧",
    // Behind escapes of a text inside a text.
    r"\n⟦‹aws›⟧ \t⟦bob@example.org⟧ \r\n⟦‹gh›⟧\n",
    r#"{\"key\":\"⟦‹openai›⟧\",\"mail\":\"⟦bob@example.org⟧\",\n\t\"card\":\"⟦4111111111111111⟧\"}"#,
    r"key:\n⟦‹stripe›⟧\nmail:\t⟦ann.lee@example.co.uk⟧\n\n⟦DE89370400440532013000⟧\n⟦+4915112345678⟧",
    r"CORP\⟦bob@example.org⟧",
    // Run together.
    "⟦‹aws›⟧⟦‹gh›⟧",
    "⟦‹aws›⟧⟦‹aws›⟧ ⟦bob@example.org⟧,⟦ann@example.org⟧;⟦eve@example.org⟧",
    // Spaces and hyphens that break no line.
    "⟦4111\u{a0}1111\u{a0}1111\u{a0}1111⟧ ⟦4111\u{202f}1111\u{202f}1111\u{202f}1111⟧ ⟦4111\u{2011}1111\u{2011}1111\u{2011}1111⟧ ⟦4111.1111.1111.1111⟧",
    "⟦DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00⟧, ⟦GB82\u{202f}WEST\u{202f}1234\u{202f}5698\u{202f}7654\u{202f}32⟧",
    "⟦+49\u{a0}170\u{a0}1234567⟧ ⟦+33\u{202f}1\u{202f}23\u{202f}45\u{202f}67\u{202f}89⟧ ⟦+1\u{2011}555\u{2011}555\u{2011}0123⟧",
    "⟦gb82west12345698765432⟧, ⟦de89 3704 0044 0532 0130 00⟧",
    // Addresses.
    "⟦jürgen@müller.de⟧, ⟦иван@пример.рф⟧, ⟦josé.garcía@correo.es⟧, ⟦bob%40example.org⟧, ⟦bob+tag@example.org⟧.",
    "mailto:⟦bob@example.org⟧?subject=x <⟦ann@example.museum⟧> (⟦a_b-c@mail-1.example.co.uk⟧) \"⟦x@y.zone⟧\"",
    "https://example.org/?user=⟦bob%40example.org⟧&x=1 and user:⟦bob@example.org⟧/path",
    "| Bob | ⟦bob@example.org⟧ |␤| Ann | ⟦ann@163.com⟧ |",
    "assignee: ⟦bob@example.org⟧␤cc: [⟦a@b.io⟧, ⟦c@d.dev⟧]",
    "Contact ⟦Bob.Smith@EXAMPLE.ORG⟧; ⟦12345+bob@users.noreply.github.com⟧",
    // Telephones.
    "Call ⟦0170 1234567⟧, ⟦030/12345678⟧, ⟦06 12 34 56 78⟧, ⟦020 7946 0958⟧ or ⟦07700 900123⟧.",
    "tel:⟦+15550100123⟧ ☎ ⟦+81-3-1234-5678⟧ (⟦+44 20 7946 0958⟧) Phone:⟦555-123-4567⟧",
    "PHONE=⟦+4917012345678⟧␤fax: ⟦+49 (0)30 901820⟧",
    // Names before secrets.
    "**AWS_SECRET_ACCESS_KEY**: `⟦‹awssecret›⟧`",
    "Secret access key: ⟦‹awssecret›⟧",
    "| aws_secret_access_key | ⟦‹awssecret›⟧ |␤| **Secret Access Key** | `⟦‹awssecret›⟧` |",
    "{\"aws_secret_access_key\": \"⟦‹awssecret›⟧\", \"aws_access_key_id\": \"⟦‹aws›⟧\"}",
    "export AWS_ACCESS_KEY_ID=⟦‹aws›⟧␤export AWS_SECRET_ACCESS_KEY='⟦‹awssecret›⟧'",
    "aws configure set aws_secret_access_key ⟦‹awssecret›⟧",
    "new S3({ accessKeyId: '⟦‹aws›⟧', secretAccessKey: '⟦‹awssecret›⟧' })",
    "SECRET_KEY => \"⟦‹awssecret›⟧\"; The secret key is ⟦‹awssecret›⟧.",
    "- **Secret access key** (keep it): x␤secretKey: >-␤  ⟦‹awssecret›⟧",
    "curl -H 'Authorization: Bearer ⟦‹token›⟧' https://api.example.org",
    "curl -H \"Authorization: Bearer ⟦‹openai›⟧\" -H 'X-Key: ⟦‹google›⟧'",
    "Authorization: bearer ⟦‹hextoken›⟧␤Authorization: Basic ⟦‹basic›⟧␤",
    "Bearer ⟦xbKVIFDPLSumwjtKUIjummjyedEHPSisgouVGNaZ⟧",
    "{\"Authorization\": \"Bearer ⟦‹jwt›⟧\"}",
    "MAILCHIMP_API_KEY=⟦‹hextoken›-us12⟧",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=⟦‹b64›0123456789abcdefghijkl==⟧;EndpointSuffix=core",
    // Files, code, logs.
    "```env␤OPENAI_API_KEY=⟦‹openai›⟧␤ANTHROPIC_API_KEY=\"⟦‹claude›⟧\"␤```",
    "```yaml␤slack:␤  token: ⟦‹slack›⟧␤stripe: {key: ⟦‹stripe›⟧}␤```",
    "client = OpenAI(api_key='⟦‹openai›⟧')  # ⟦‹gh›⟧",
    "git clone https://x-access-token:⟦‹gh›@github.com⟧/org/repo.git",
    "//registry.npmjs.org/:_authToken=⟦‹npm›⟧",
    "[2026-11-21T10:00:00Z] INFO user=⟦bob@example.org⟧ token=⟦‹jwt›⟧ ip=10.0.0.1 status=200",
    "const KEY=`⟦‹hf›⟧`; fetch(`https://maps.example.org/?key=⟦‹google›⟧&q=1`)",
    "1. ⟦‹aws›⟧␤2. ⟦‹gh›⟧␤- ⟦‹twilio›⟧␤* ⟦‹stripe›⟧␤> ⟦‹slack›⟧",
    "<td>⟦bob@example.org⟧</td><td>⟦4111 1111 1111 1111⟧</td>",
    "Card: ⟦4111-1111-1111-1111⟧, exp 12/27. IBAN:⟦DE89370400440532013000⟧.",
    "日本語⟦‹aws›⟧日本語 ⟦‹gh›⟧。電話：⟦+81 3 1234 5678⟧、é⟦‹openai›⟧é",
    "key=⟦‹aws›⟧&secret=1, (⟦‹gh›⟧), [⟦‹npm›⟧], {⟦‹hf›⟧}, '⟦‹jwt›⟧', \"⟦‹slack›⟧\", ⟦‹google›⟧; ⟦‹stripe›⟧! ⟦‹openai›⟧?",
];

const HARMLESS: &[&str] = &[
    "foo@2x.png, icon@3x.webp, logo@large.svg, `sprite@2x.min.css`",
    "git clone git@github.com:org/repo.git; git@gitlab.example.org:a/b.git; ssh://git@host.example.org/x",
    "lodash@4.17.21.tgz, react@18.2.0, matplotlib@main.branch, pkg@next.canary, vue@3.x, actions/checkout@v4.1.0",
    "@types/node, @angular/core@17.0.1, npm i @scope/pkg@latest, @app.route('/x'), @pytest.mark.asyncio, @Override",
    "@bob@mastodon.social, @user, #tag, bob@host, a@b, user@localhost:8080",
    "mean = 0.4247253517525911, [0.4111111111111111, -1.5555555555554444], {\"score\": 3.378282246310005}",
    "account no. 303-404-5050, customer number: 303-404-5050, version 2.30.4005",
    "200-300-4000, SKU 303-404-5050, Order #303-404-5050, item no. 212-555-0100, part: 415-555-2671",
    "x = +1234567890, y=+49123456789, a + 1234567890, f(+1234567890), i += 1234567890",
    "+12 345 678.90 EUR, +1,234,567.89, +44 345 678.90 GBP, +3.14159265358979, +100 %",
    "+2026-11-21 10:00:00 started␤-2026-11-20 09:00:00 stopped␤+ 1234567890123",
    "Bearer authentication-based-systems, bearer-token-authentication, the bearer of internationalization/localization",
    "A key starts with `-----BEGIN PRIVATE KEY-----` and ends with `-----END PRIVATE KEY-----`, always.",
    "-----BEGIN RSA PRIVATE KEY-----␤...␤-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----␤<your key here>␤-----END PRIVATE KEY-----",
    "Look for the line ---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ---- in it.",
    "v1.2.3, 2.0.0-rc.1+build.20261121, ~=3.11, ^18.2.0, >=1.2,<2, 1.0.0.0",
    "2026-11-21, 21.11.2026, 11/21/2026, 20261121T100000Z, 10:00:00.123, 2026-W47-6",
    "ISBN 978-3-16-148410-0, ISBN-10 0-306-40615-2, ISSN 2049-3630, EAN 4006381333931, ASIN B08N5WRWNW",
    "order 112-3456789-0123456, invoice 2026-000123, tracking 1Z999AA10123456784, RMA 123-456-7890",
    "d41d8cd98f00b204e9800998ecf8427e, da39a3ee5e6b4b0d3255bfef95601890afd80709, sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "550e8400-e29b-41d4-a716-446655440000, {6BA7B810-9DAD-11D1-80B4-00C04FD430C8}, urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "$x^{2} + y_{1} = \\frac{1}{2}$, \\begin{align} a &= b \\\\ c &= d \\end{align}, \\nabla \\times \\tau",
    "@media (max-width: 600px) { .a{margin:-1px} } color: #4111aa; #DEADBEEF; rgba(200, 300, 400, .5)",
    "10.0.0.1, 192.168.100.200:8080, 255.255.255.0/24, 2001:db8::1, fe80::1ff:fe23:4567:890a%eth0, 00:1A:2B:3C:4D:5E",
    "1732212345, 1732212345678, 1732212345678901234, -273.15, 6.02214076e23, 0x7fffffff, 1_000_000_000",
    "00000010  06 12 34 56 78 9a bc de  01 02 03 04 05 06 07 08  |..4Vx...|",
    "01 02 03 04 05 06 07 08 09 10 11 12, 4 8 15 16 23 42, 100 200 300 400",
    "sk-learn, sk_test, pk_live, AKIA, ghp_, xoxb-, hf_hub_download, npm_config_registry, eyJ, sk-fading-circle",
    "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY'], secret_key_base, AWS_SECRET_ACCESS_KEY=<value>",
    "Secret access key: see the vault. The secret key is short. secretKeyRef: {name: app, key: token}",
    "Basic knowledge, basic authentication, BASIC programming, Basic realm=\"users\"",
    "self._bob = a@b  # matrix product; x@y.T; (A @ B).sum(); df@other.values; W@x.transpose()",
    "Message-ID: 550e8400-e29b-41d4-a716-446655440000@mail.example.org, call 0123456789abcdef01234567@10.0.0.1",
    "https://example.org/a@b/c, https://medium.com/@user/title-123, docker pull repo/img@sha256:e3b0c44298fc1c149afbf4c8996fb924",
    "DE 89, GB29, NL-1012, FR76 is a prefix, at 20 past 10, be25 words, no12 the quick brown fox jumps",
    "4111 1111 1111 1112 fails, 1234 5678 9012 3456 too, 0000 0000 0000 0000, 1234-5678",
    "ORDER-1234-5678-9012, ticket ABC-123, RFC 2822, CVE-2026-12345, PEP 8, ISO 8601, H.264",
    "for i in range(100): print(f'{i:03d}')  # 200-300, pages 300-400, 1990-2026",
    "a_b_c, __init__, snake_case_name, kebab-case-name, SCREAMING_CASE, camelCase, $HOME/.ssh/id_rsa",
    "\\n\\t\\r, C:\\new\\table, \\newline, \\text{bob}, \\\\server\\share",
    "9,223,372,036,854,775,807, 0.1+0.2=0.30000000000000004, 22/7, 1e-9, 50%, ½",
    "phone: n/a, tel: ext. 42, room 020 7946, code 0170, page 030/12, 06 12, 0800",
    "mailto:, @, user@, @example.org, user@.org, user@example., a@b.c, user at example.org",
];

#[test]
fn secrets_are_replaced_wherever_they_stand_and_nothing_beside_them() {
    let mut wrong = Vec::new();
    for text in SECRETS {
        let (text, kept) = written(text);
        let output = RULES.redact(&text);
        if !is_replaced(&output, &kept) {
            wrong.push(format!("{text:?}\n -> {output:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let texts = HARMLESS.iter().map(|text| text.replace('␤', "\n"));
    let wrong: Vec<String> = texts.filter(|text| RULES.redact(text) != *text).map(|text| RULES.redact(&text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_text_gives_the_same_cut_at_every_character() {
    let texts = SECRETS.iter().map(|text| written(text).0).chain(HARMLESS.iter().map(|text| text.replace('␤', "\n")));
    for text in texts {
        let mut all = u64::MAX;
        assert_same_at_every_cut(&RULES, &text, &RULES.redact(&text), &mut all);
    }
}

/// Bytes held behind each character, on average.
fn mean_held(text: &str) -> f64 {
    let mut redactor = Redactor::new(Arc::clone(&RULES));
    let (mut released, mut redactions, mut held, mut count) = (String::new(), Vec::new(), 0, 0);
    for character in text.chars() {
        redactor.push(character.encode_utf8(&mut [0; 4]), &mut released, &mut redactions);
        held += redactor.held();
        count += 1;
    }
    f64::from(held as u32) / f64::from(count)
}

#[test]
fn little_is_held_of_text_without_secrets() {
    let mut random = Random(7);
    let mut lines = |line: &mut dyn FnMut(&mut Random) -> String| -> String {
        (0..100).map(|_| line(&mut random) + "\n").collect()
    };
    let sums = |length: usize| {
        move |random: &mut Random| random.of(HEX, length) + "  src/file_" + &random.of(DIGITS, 2) + ".rs"
    };
    let uuid = |random: &mut Random| [8, 4, 4, 4, 12].map(|length| random.of(HEX, length)).join("-");
    let base64 = MIXED.to_owned() + "+/";
    let texts = [
        ("md5", lines(&mut sums(32))),
        ("sha1", lines(&mut sums(40))),
        ("sha256", lines(&mut sums(64))),
        ("hashes alone", lines(&mut |random| random.of(HEX, 64))),
        ("uuids", lines(&mut |random| uuid(random))),
        ("base64", lines(&mut |random| random.of(&base64, 76))),
        (
            "dump",
            lines(&mut |random| {
                format!("{}0  ", random.of(HEX, 7)) + &(0..16).map(|_| random.of(HEX, 2) + " ").collect::<String>()
            }),
        ),
        ("numbers", lines(&mut |random| (0..8).map(|_| random.of(DIGITS, 4) + " ").collect())),
        (
            "amounts",
            lines(&mut |random| {
                (0..8).map(|_| format!("| {}.{} ", random.of(DIGITS, 3), random.of(DIGITS, 2))).collect()
            }),
        ),
        ("code", include_str!("../src/redact/redactor.rs").to_owned()),
        ("prose", include_str!("../../../../docs/guides/redaction.md").to_owned()),
    ];
    let held = texts.each_ref().map(|(name, text)| (*name, mean_held(text)));
    assert!(held.iter().all(|(_, mean)| *mean <= 8.0), "{held:.2?}");
}

#[test]
fn the_automaton_of_all_rules_is_small() {
    assert!(RULES.bytes() <= 12 << 20, "{}", RULES.bytes());
}

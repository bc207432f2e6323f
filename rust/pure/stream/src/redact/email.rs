//! Addresses of e-mail: a name, a host whose last part is one that domains have, and neither a version nor a remote of git.

use super::rule::Part;

/// The name begins where no other name goes on; `_` before it is emphasis, `@` a handle's, `\\` an escape's, or of a domain
/// of Windows.
pub(super) const ADDRESS: Part<'_> = Part {
    behind: Some(r"(?:^|[^A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}._+@\\-]|\\[nrt]|[A-Z]{2}\\)[._+-]*"),
    except: Some(EXCEPT),
    ..Part::anywhere(PATTERN)
};

/// Remotes, identifiers, digests, names of more than 21 letters and digits in a row, versions and scales of pictures.
const EXCEPT: &str = concat!(
    r"(?-u)(?:git|hg|svn)(?:@|%40)",
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-",
    r"|[0-9A-Fa-f]{20}",
    r"|(?:[A-Za-z0-9]+\+)?[A-Za-z0-9]{22}",
    r"|[A-Za-z0-9._+-]*@[0-9]+(?:\.[0-9]|x\.)",
);

/// The last parts: those of countries, those that companies and projects use, those kept for tests and for networks of
/// one's own. A list tells `bob@example.shop` from `icon@large.png` and `package@main.branch`.
const PATTERN: &str = r"(?x)
    [A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}]+ (?:[._-]{1,2}[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}]+)* (?:\+[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}]+ (?:[._-]{1,2}[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}]+)*)? [._+-]{0,2}
    (?:@|%40)
    (?:[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}](?:[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}-]*[A-Za-z0-9\u{c0}-\u{2ff}\u{380}-\u{57f}])?\.)+
    (?: (?i-u:
    a[cdefgilmoqrstuwxz] | b[abdefghijmnorstvwyz] | c[acdfghiklmnoruvwxyz] | d[ejkmoz] | e[cegrstu] | f[ijkmor]
    | g[abdefghilmnpqrstuwy] | h[kmnrtu] | i[delmnoqrst] | j[emop] | k[eghimnprwyz] | l[abcikrstuvy]
    | m[acdeghklmnopqrstuvwxyz] | n[acefgilopruz] | om | p[aefghklmnrstwy] | qa | r[eosuw]
    | s[abcdeghijklmnorstuvxyz] | t[cdfghjklmnortvwz] | u[agksyz] | v[aceginu] | w[fs] | y[et] | z[amw]
    | xn--[a-z0-9-]+
    | academy|aero|agency|amazon|amsterdam|app|apple|arpa|art|asia|audio|band|bank|bar|bayern|beer|berlin|bet|
    bid|bio|biz|blog|blue|boutique|brussels|build|builders|business|buzz|bzh|cafe|camp|capital|care|careers|
    casa|cash|cat|center|chat|church|city|click|clinic|cloud|club|coach|codes|coffee|com|community|company|
    computer|consulting|contact|contractors|cool|coop|corp|credit|cymru|dance|data|deals|degree|delivery|
    design|dev|diamonds|digital|direct|directory|doctor|dog|domains|download|earth|edu|education|email|
    energy|engineer|engineering|enterprises|equipment|estate|eus|events|example|exchange|expert|express|
    family|fans|farm|fashion|film|finance|financial|fish|fit|fitness|flights|florist|football|forsale|
    foundation|frl|fun|fund|furniture|futbol|fyi|gal|gallery|game|games|garden|gift|gifts|global|gmbh|gold|
    golf|google|gov|graphics|gratis|green|group|guide|guru|hamburg|haus|health|healthcare|help|hockey|
    holdings|holiday|home|homes|horse|hospital|host|hosting|hotel|house|icu|immo|inc|industries|
    info|ink|institute|insurance|insure|int|internal|international|intranet|invalid|investments|istanbul|
    jewelry|jobs|kaufen|kim|kitchen|koeln|lan|land|law|lawyer|lease|legal|lgbt|life|limited|limo|link|live|
    llc|loan|loans|local|localhost|london|love|ltd|ltda|madrid|mail|management|market|marketing|mba|media|
    medical|men|miami|microsoft|mil|mobi|moda|moe|money|mortgage|moscow|museum|name|net|network|news|ninja|
    nrw|nyc|observer|one|ong|onion|online|org|page|paris|partners|parts|party|pet|pharmacy|photo|photography|
    photos|pics|pictures|pink|pizza|place|plumbing|plus|post|press|private|pro|productions|properties|
    property|pub|quebec|racing|radio|realestate|recipes|red|rehab|reise|reisen|rent|rentals|repair|report|
    republican|rest|restaurant|review|reviews|rip|rocks|ruhr|run|saarland|sale|salon|sarl|school|schule|
    science|scot|security|services|sexy|shoes|shop|show|singles|site|ski|social|software|solar|solutions|soy|
    space|store|studio|study|style|sucks|supply|support|surf|surgery|swiss|systems|tattoo|tax|taxi|team|tech|
    technology|tel|tennis|test|theater|tickets|tienda|tips|tires|tirol|today|tokyo|tools|top|tours|town|toys|
    trade|trading|training|travel|university|uno|vacations|vegas|ventures|vet|video|villas|vin|vip|vision|
    vlaanderen|vote|voyage|wales|watch|web|website|wedding|wien|wiki|win|wine|work|works|world|wtf|xxx|xyz|
    yoga|zone
    )\b | [\u{c0}-\u{2ff}\u{380}-\u{57f}]{2,} )";

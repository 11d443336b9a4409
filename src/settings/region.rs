//! Where a region is: AWS names, domains and hosts, in every spelling that operators use.
//!
//! The names and domains are those of Genesys Cloud's official clients (`PureCloudRegionHosts.java` of the Java
//! client, `config.go` of the CLI). The CLI spells some of its AWS names with underscores; both spellings are taken.

use url::{Host, Url};

use super::{Fault, Region, quoted};

/// Every region that this version knows: AWS name and domain.
pub(super) const KNOWN: [(&str, &str); 18] = [
    ("us-east-1", "mypurecloud.com"),
    ("us-east-2", "use2.us-gov-pure.cloud"),
    ("us-west-2", "usw2.pure.cloud"),
    ("ca-central-1", "cac1.pure.cloud"),
    ("mx-central-1", "mxc1.pure.cloud"),
    ("sa-east-1", "sae1.pure.cloud"),
    ("eu-west-1", "mypurecloud.ie"),
    ("eu-west-2", "euw2.pure.cloud"),
    ("eu-central-1", "mypurecloud.de"),
    ("eu-central-2", "euc2.pure.cloud"),
    ("eusc-de-east-1", "edee1.eusc-pure.cloud"),
    ("me-central-1", "mec1.pure.cloud"),
    ("ap-south-1", "aps1.pure.cloud"),
    ("ap-southeast-1", "apse1.pure.cloud"),
    ("ap-southeast-2", "mypurecloud.com.au"),
    ("ap-northeast-1", "mypurecloud.jp"),
    ("ap-northeast-2", "apne2.pure.cloud"),
    ("ap-northeast-3", "apne3.pure.cloud"),
];

/// Domains under which Genesys Cloud opens new regions: one label more is a region's domain.
const PARENTS: [&str; 3] = ["pure.cloud", "us-gov-pure.cloud", "eusc-pure.cloud"];

/// Hosts of a region that an operator may have at hand.
const HOSTS: [&str; 3] = ["api.", "login.", "apps."];

const RIGHT: &str =
    "Write the AWS region (`eu-central-1`) or the region's domain (`mypurecloud.de`)";

/// Reads a region; with a warning if it is none that this version knows.
pub(super) fn read(text: &str) -> Result<(Region, Option<Fault>), Fault> {
    let aws = text.to_ascii_lowercase().replace('_', "-");
    if let Some((_, domain)) = KNOWN.iter().find(|(name, _)| *name == aws) {
        return of_domain(domain).map(|region| (region, None));
    }
    let (scheme, url) = address(text)?;
    let host = url.host().ok_or_else(|| unreadable(text))?;
    let name = host.to_string();
    let name = name.trim_end_matches('.');
    let loopback = match &host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
        Host::Domain(_) => name == "localhost",
    };
    if url.scheme() == "http" && !loopback {
        return Err(Fault::new(
            format!(
                "asks {} over http, where the client secret would be readable on the way",
                quoted(name)
            ),
            "Write `https://`; `http://` is for loopback addresses only",
        ));
    }
    if url.port().is_none() {
        let bare = HOSTS
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        if let Some((_, domain)) = KNOWN.iter().find(|(_, domain)| *domain == bare) {
            return of_domain(domain).map(|region| (region, None));
        }
        let new = bare
            .split_once('.')
            .is_some_and(|(label, parent)| !label.is_empty() && PARENTS.contains(&parent));
        if new {
            let warning = Fault::new(
                format!(
                    "names the region {}, which this version does not know",
                    quoted(bare)
                ),
                format!(
                    "If that is what you meant, nothing is to be done: `api.{bare}` and `login.{bare}` are asked"
                ),
            );
            return of_domain(bare).map(|region| (region, Some(warning)));
        }
    }
    let word = matches!(host, Host::Domain(_)) && !name.contains('.');
    if word && !scheme && !loopback && url.port().is_none() {
        // One bare word can only have been meant as an AWS region: say which, instead of failing at the first request.
        let right = super::nearest(&aws, KNOWN.iter().map(|(name, _)| *name))
            .map_or_else(|| RIGHT.to_owned(), |near| format!("Did you mean `{near}`"));
        return Err(Fault::new(
            format!(
                "is {}, which is no AWS region that this version knows",
                quoted(text)
            ),
            right,
        ));
    }
    let mut origin = url;
    origin.set_path("/");
    let shown = origin.as_str().trim_end_matches('/');
    let warning = Fault::new(
        format!(
            "is no region of Genesys Cloud; tokens and requests go to {}",
            quoted(shown)
        ),
        "That is right for a simulated region or a gateway only. Else write the AWS region or the region's domain",
    );
    Ok((
        Region {
            api: origin.clone(),
            login: origin,
        },
        Some(warning),
    ))
}

/// The text as an address, and whether it named its scheme.
fn address(text: &str) -> Result<(bool, Url), Fault> {
    // An `@` may stand after a password: such a text is never shown.
    if text.contains('@') {
        return Err(Fault::new(
            "holds an `@`, as if it had a user name and a password",
            RIGHT,
        ));
    }
    let scheme = text.contains("://");
    let url = if scheme {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = url.map_err(|_| unreadable(text))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Fault::new(
            format!("has the scheme {}", quoted(url.scheme())),
            "Write `https://` or no scheme at all",
        ));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(Fault::new(
            format!("has more than a host: {}", quoted(text)),
            format!(
                "Write `{}` without what follows it",
                url.host_str().unwrap_or_default()
            ),
        ));
    }
    Ok((scheme, url))
}

fn of_domain(domain: &str) -> Result<Region, Fault> {
    let origin = |host: &str| {
        Url::parse(&format!("https://{host}.{domain}/")).map_err(|_| unreadable(domain))
    };
    Ok(Region {
        api: origin("api")?,
        login: origin("login")?,
    })
}

fn unreadable(text: &str) -> Fault {
    Fault::new(
        format!("is {}, which is neither a region nor a host", quoted(text)),
        RIGHT,
    )
}

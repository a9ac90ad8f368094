//! Reserved names of tools and people.

use hearth_base::{Error, Result, ToolName, UserName};

/// Names that neither tools nor people get. Mail to them is for the operator of the domain (RFC 2142), or proves the
/// control of a domain to a certificate authority (CA/Browser Forum Baseline Requirements, section 3.2.2.4.4); or they
/// name parts of Hearth.
const RESERVED_NAMES: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "api",
    "docs",
    "ftp",
    "hostmaster",
    "info",
    "marketing",
    "news",
    "noc",
    "postmaster",
    "public",
    "s3",
    "sales",
    "security",
    "ssladmin",
    "ssladministrator",
    "sslwebmaster",
    "support",
    "sysadmin",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

/// Names that could be mistaken for a part of Hearth, in addresses or in commands.
const RESERVED_TOOL_NAMES: &[&str] = &[
    "app",
    "auth",
    "cdn",
    "ci",
    "console",
    "dev",
    "dns",
    "git",
    "hearth",
    "help",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "me",
    "metrics",
    "new",
    "ns",
    "packages",
    "pop",
    "proxy",
    "registry",
    "root",
    "search",
    "smtp",
    "static",
    "status",
    "system",
    "test",
    "tool",
    "toolforge",
    "tools",
    "web",
    "webmail",
];

/// Checks that a new tool may have this name. `more` are the names that the operator reserved.
pub fn check_new_tool_name(name: &ToolName, more: &[String]) -> Result<()> {
    name.check_new()?;
    let text = name.as_str();
    let is_reserved = RESERVED_NAMES.contains(&text)
        || RESERVED_TOOL_NAMES.contains(&text)
        || more.iter().any(|reserved| reserved == text);
    if is_reserved {
        return Err(Error::conflict("tool-name-reserved", format!("the name {name} is reserved"))
            .help("choose another name"));
    }
    Ok(())
}

/// Checks that a new user may have this name. It has no dot, because mail to `TOOL.ANYTHING` is for the tool. Users from
/// before the rule keep their names.
pub fn check_new_user_name(name: &UserName) -> Result<()> {
    if name.as_str().contains('.') {
        let public = format!("a new user's name has a dot: {name}; hyphens are allowed");
        let other = name.as_str().replace('.', "-");
        return Err(Error::invalid("user-name", public).help(format!("call yourself {other}")));
    }
    if RESERVED_NAMES.contains(&name.as_str()) {
        return Err(Error::conflict("user-name-reserved", format!("the name {name} is reserved"))
            .help("choose another name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_names_are_reserved_for_tools_and_people() {
        for name in ["hostmaster", "postmaster", "admin", "abuse", "s3", "www", "api", "docs", "public"] {
            let (tool, user) = (name.parse().unwrap(), name.parse().unwrap());
            assert_eq!(check_new_tool_name(&tool, &[]).unwrap_err().code(), "tool-name-reserved", "{name}");
            assert_eq!(check_new_user_name(&user).unwrap_err().code(), "user-name-reserved", "{name}");
        }
        assert!(check_new_user_name(&"root".parse().unwrap()).is_ok());
        assert!(check_new_tool_name(&"root".parse().unwrap(), &[]).is_err());
    }

    #[test]
    fn new_user_name_has_no_dot() {
        let refused = check_new_user_name(&"ann.x".parse().unwrap()).unwrap_err();
        assert_eq!((refused.code(), refused.help_text()), ("user-name", Some("call yourself ann-x")));
    }
}

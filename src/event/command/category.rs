//! The categories of commands, and how grave each is.

/// What a command does that others need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Mines coins.
    Miner,
    /// Gives somebody elsewhere a shell.
    ReverseShell,
    /// Leads connections through the container.
    Tunnel,
    /// Runs what it has decoded or fetched.
    DecodeAndRun,
    /// Reaches for the host.
    Escape,
    /// Reads keys, passwords and tokens.
    CredentialAccess,
    /// Stays for later.
    Persistence,
    /// Takes traces away, or what would see them.
    CoveringTracks,
    /// Makes data or the system unusable.
    Destruction,
    /// Fetches something.
    Download,
    /// Sends something away.
    Upload,
    /// Installs or removes packages.
    PackageManager,
    /// Runs a program that stands on the line.
    InterpreterCode,
    /// Opens a shell.
    Shell,
    /// Looks at the network.
    Scanner,
    /// Speaks to an engine or cluster.
    ContainerTool,
    /// Runs a script that looks for everything.
    Enumeration,
    /// Looks at the system.
    Discovery,
}

impl Category {
    /// All, the gravest first.
    pub const ALL: [Self; 18] = [
        Self::Miner,
        Self::ReverseShell,
        Self::Tunnel,
        Self::DecodeAndRun,
        Self::Escape,
        Self::CredentialAccess,
        Self::Persistence,
        Self::CoveringTracks,
        Self::Destruction,
        Self::Download,
        Self::Upload,
        Self::PackageManager,
        Self::InterpreterCode,
        Self::Shell,
        Self::Scanner,
        Self::ContainerTool,
        Self::Enumeration,
        Self::Discovery,
    ];

    /// Its name in messages and rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.finding().strip_prefix("exec_").unwrap_or_default()
    }

    /// What exceptions call it.
    #[must_use]
    pub fn finding(self) -> &'static str {
        match self {
            Self::Miner => "exec_miner",
            Self::ReverseShell => "exec_reverse_shell",
            Self::Tunnel => "exec_tunnel",
            Self::DecodeAndRun => "exec_decode_and_run",
            Self::Escape => "exec_escape",
            Self::CredentialAccess => "exec_credential_access",
            Self::Persistence => "exec_persistence",
            Self::CoveringTracks => "exec_covering_tracks",
            Self::Destruction => "exec_destruction",
            Self::Download => "exec_download",
            Self::Upload => "exec_upload",
            Self::PackageManager => "exec_package_manager",
            Self::InterpreterCode => "exec_interpreter_code",
            Self::Shell => "exec_shell",
            Self::Scanner => "exec_scanner",
            Self::ContainerTool => "exec_container_tool",
            Self::Enumeration => "exec_enumeration",
            Self::Discovery => "exec_discovery",
        }
    }

    /// The level of its rule.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Self::Miner => 12,
            Self::Discovery => 5,
            _ if self.is_grave() => 10,
            _ => 7,
        }
    }

    /// Whether nothing makes it ordinary: it keeps its level when it was seen before, and a container in which it was
    /// found teaches nothing.
    #[must_use]
    pub fn is_grave(self) -> bool {
        self <= Self::Destruction
    }

    /// Whether it is as bad in what a container runs by itself as in a command that somebody starts. What entry points do
    /// on ordinary days is not: they fetch, install and add users.
    #[must_use]
    pub fn is_grave_at_start(self) -> bool {
        self.is_grave() && self != Self::Persistence
    }
}

/// What entry points do on ordinary days: they read a secret that was made for them, load a module, set up their network
/// and lead connections from one service to another.
const ORDINARY_AT_START: [(Category, &str); 7] = [
    (Category::Tunnel, "T1090"),
    (Category::Tunnel, "T1095"),
    (Category::CredentialAccess, "T1552.001"),
    (Category::Escape, "T1547.006"),
    (Category::Escape, "T1599"),
    (Category::CoveringTracks, "T1562.004"),
    (Category::Destruction, "T1222.002"),
];

/// What was found in a command: each category once, with the technique of MITRE ATT&CK, the gravest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found(Vec<(Category, &'static str)>);

impl Found {
    /// Keeps the first technique of a category, but that one which entry points use on ordinary days gives way to another.
    pub fn add(&mut self, category: Category, technique: &'static str) {
        match self.0.binary_search_by_key(&category, |(known, _)| *known) {
            Err(place) => self.0.insert(place, (category, technique)),
            Ok(place) => {
                if let Some(known) = self.0.get_mut(place).filter(|known| ORDINARY_AT_START.contains(known)) {
                    known.1 = technique;
                }
            }
        }
    }

    /// With what was found elsewhere.
    pub fn add_all(&mut self, other: &Self) {
        for (category, technique) in &other.0 {
            self.add(*category, technique);
        }
    }

    /// Whether this was found.
    #[must_use]
    pub fn has(&self, category: Category) -> bool {
        self.0.iter().any(|(known, _)| *known == category)
    }

    /// Whether nothing more can be found of a category.
    #[must_use]
    pub fn is_settled(&self, category: Category) -> bool {
        self.0.iter().any(|found| found.0 == category && !ORDINARY_AT_START.contains(found))
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The categories, the gravest first.
    pub fn categories(&self) -> impl Iterator<Item = Category> {
        self.0.iter().map(|(category, _)| *category)
    }

    /// Their techniques, in the same order.
    pub fn techniques(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(_, technique)| *technique)
    }

    /// What is as bad in what a container runs by itself.
    pub fn grave_at_start(&self) -> impl Iterator<Item = Category> {
        let is_grave = |found: &&(Category, &str)| found.0.is_grave_at_start() && !ORDINARY_AT_START.contains(*found);
        self.0.iter().filter(is_grave).map(|(category, _)| *category)
    }

    /// Whether something grave was found.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.categories().next().is_some_and(Category::is_grave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_stands_first_and_each_once() {
        let mut found = Found::default();
        assert!(found.is_empty() && !found.is_grave());
        for (category, technique) in
            [(Category::Shell, "T1"), (Category::Miner, "T2"), (Category::Shell, "T3"), (Category::Escape, "T4")]
        {
            found.add(category, technique);
        }
        let names: Vec<&str> = found.categories().map(Category::name).collect();
        assert_eq!(names, ["miner", "escape", "shell"]);
        assert_eq!(found.techniques().collect::<Vec<_>>(), ["T2", "T4", "T1"]);
        assert!(found.is_grave() && found.has(Category::Shell) && !found.has(Category::Upload));
    }

    #[test]
    fn the_order_is_that_of_the_levels() {
        assert!(Category::ALL.is_sorted() && Category::ALL.is_sorted_by_key(|one| std::cmp::Reverse(one.level())));
    }
}

//! Wazuh's own configuration, as far as it says whether modulesd starts the listener. It is read and never written.

/// What a configuration says of the listener's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// There is none, so modulesd starts nothing.
    Absent,
    /// There is one that is switched off.
    Disabled,
    /// There is one. `at_once` where the first start does not wait for the interval.
    Enabled {
        /// Whether `run_on_start` is yes.
        at_once: bool,
    },
}

/// A configuration that is no XML to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot be read as XML ({0}); look yourself whether <wodle name=\"docker-listener\"> is there and not disabled"
)]
pub struct Unreadable(String);

/// Looks for `<wodle name="docker-listener">` in the text of `ossec.conf` or `agent.conf`; the last one counts, as for
/// modulesd.
///
/// # Errors
/// Where the text is no XML even with what Wazuh's own reader lets pass.
pub fn block(text: &str) -> Result<Block, Unreadable> {
    // Wazuh's files may have several roots, and its reader knows no entities.
    let whole = format!("<files>{}</files>", text.replace('&', "&amp;"));
    let document = roxmltree::Document::parse(&whole).map_err(|error| Unreadable(error.to_string()))?;
    let mut blocks = document.descendants().filter(|node| {
        node.has_tag_name("wodle") && node.attribute("name").is_some_and(|name| name == "docker-listener")
    });
    let Some(block) = blocks.next_back() else { return Ok(Block::Absent) };
    let is_yes = |tag: &str| {
        let value = block.children().rfind(|node| node.has_tag_name(tag)).and_then(|node| node.text());
        value.is_some_and(|value| value.trim().eq_ignore_ascii_case("yes"))
    };
    Ok(if is_yes("disabled") { Block::Disabled } else { Block::Enabled { at_once: is_yes("run_on_start") } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_whether_modulesd_starts_the_listener() {
        let wodle =
            |inside: &str| format!("<ossec_config><wodle name=\"docker-listener\">{inside}</wodle></ossec_config>");
        for (text, expected) in [
            (String::new(), Block::Absent),
            ("<ossec_config><wodle name=\"syscollector\"/></ossec_config>".to_owned(), Block::Absent),
            ("<ossec_config><!-- <wodle name=\"docker-listener\"/> --></ossec_config>".to_owned(), Block::Absent),
            (wodle(""), Block::Enabled { at_once: false }),
            (wodle("<disabled>no</disabled><run_on_start>yes</run_on_start>"), Block::Enabled { at_once: true }),
            (wodle("<disabled> yes </disabled>"), Block::Disabled),
            (
                format!(
                    "<ossec_config><command>a && b</command></ossec_config>\n{}",
                    wodle("<disabled>yes</disabled>")
                ),
                Block::Disabled,
            ),
            (wodle("<disabled>yes</disabled>") + &wodle("<disabled>no</disabled>"), Block::Enabled { at_once: false }),
        ] {
            assert_eq!(block(&text).unwrap(), expected, "{text}");
        }
        assert!(block("<ossec_config>").unwrap_err().to_string().starts_with("cannot be read as XML"));
    }
}

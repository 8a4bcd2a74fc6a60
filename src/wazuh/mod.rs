//! Everything Wazuh; nothing here knows of Docker's API.

pub mod home;
pub mod log;
pub mod message;
pub mod notice;
pub mod ossec_conf;
pub mod pace;
pub mod queue;
pub mod state;
pub mod urgency;

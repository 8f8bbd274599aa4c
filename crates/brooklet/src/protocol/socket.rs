//! What TCP and UDP share: names to addresses, and how a task on the runtime tells its thread what went wrong.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::queue::Queue;
use crate::{Error, Result, Stopper, Url, runtime};

/// All addresses of a URL's host, in the order that the system prefers.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<_> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| unresolved(host, &error))?.collect();
    if addresses.is_empty() { Err(unresolved(host, &"it has no address")) } else { Ok(addresses) }
}

/// The host and port of a URL; an empty host is `default_host`.
pub(crate) fn host_port(url: &Url, default_host: &str) -> Result<(String, u16)> {
    let (host, port) = url.host_port().ok_or_else(|| {
        Error::Usage(format!(
            "{}: it needs a host and a port, as in {}://127.0.0.1:1234",
            url.text, url.scheme
        ))
    })?;
    Ok((if host.is_empty() { default_host.into() } else { host.into() }, port))
}

/// Runs a task on the runtime and blocks this thread until it is done, stopped, or late.
pub(crate) fn wait_for<T: Send + 'static>(
    url: &Url,
    stopper: &Stopper,
    timeout: Option<(Duration, &'static str)>,
    task: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    let (answer, stopper) = (Queue::new(1), stopper.clone());
    let (reply, text) = (answer.clone(), url.text.clone());
    runtime.spawn(async move {
        let late = async {
            match timeout {
                Some((after, what)) => {
                    tokio::time::sleep(after).await;
                    Error::Timeout { url: text, what, after }
                }
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            outcome = task => outcome,
            late = late => Err(late),
            () = stopper.stopped() => Err(Error::Stopped),
        };
        let _ = reply.send(outcome).await;
    });
    answer.pop().unwrap_or(Err(Error::Stopped))
}

/// A value of an option that is a number.
pub(crate) fn number<T: std::str::FromStr>(url: &Url, name: &str) -> Result<Option<T>> {
    let parse = |value: &str| {
        value
            .parse()
            .map_err(|_| Error::Usage(format!("{}: {name}={value} is not a number in range", url.text)))
    };
    url.option(name).map(parse).transpose()
}

/// Refuses an option that the protocol does not know.
pub(crate) fn check_options(url: &Url, known: &[&str]) -> Result<()> {
    match url.options.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let (scheme, known) = (&url.scheme, known.join(", "));
            Err(Error::Usage(format!("{}: {scheme} has no option '{name}'; it has {known}", url.text)))
        }
    }
}

fn unresolved(host: &str, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the name '{host}' does not resolve ({why})"))
}

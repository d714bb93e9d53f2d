//! Devices that post: their tasks on the lanes' runtime, and the listener on a
//! thread of its own, since taking in a picture must not hold a lane.

use std::sync::Arc;

use lanegate_core::lane::Event;
use lanegate_core::wire::{protocol, push_answer};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::RunError;
use super::back::keep_turning;
use super::devices::{stream, surroundings};
use super::own_thread;
use super::pictures::keeper;
use super::port::Port;
use crate::config::{HttpSource, LaneSetup, Source};
use crate::device::{Pictures, Running, start_posted};
use crate::http::{Mailbox, PushLimits, PushServer, Secret};
use crate::metrics;
use crate::metrics::queues::Sender;

/// Starts a task for each device that posts, and the listener if there is
/// one; must run within the lanes' runtime.
pub(super) fn start(
    port: &Port,
    lanes: &[(LaneSetup, Sender<Event>)],
    pictures: Option<&Arc<Pictures>>,
    stop: &CancellationToken,
) -> Result<Vec<Running>, RunError> {
    let (mut running, mut mailboxes) = (Vec::new(), Vec::new());
    for (setup, events) in lanes {
        let around = surroundings(port, events.clone(), stop);
        for device in &setup.devices {
            let Source::Http(source) = &device.source else {
                continue;
            };
            let fault = |why: String| RunError::Device {
                device: device.id.to_string(),
                why,
            };
            let secret = secret(source).map_err(fault)?;
            let known = protocol(&device.protocol);
            let known = known.ok_or_else(|| fault("its protocol is not known".to_owned()))?;
            let stream = stream(device, setup.config.settle, &around)?;
            let decoder = known.decoder(&device.settings);
            let decoder = decoder.map_err(|why| fault(why.to_string()))?;
            let (task, slot) = start_posted(
                stream,
                known,
                decoder,
                around.clone(),
                keeper(pictures, device),
            );
            running.push(task);
            let answer = push_answer(known);
            mailboxes.push(Mailbox {
                path: source.path.clone(),
                secret,
                answer: (answer.content_type, answer.body),
                put: Box::new(move |content_type, body| slot.put(content_type, &body)),
            });
        }
    }
    if let Some(push) = port.config.push.as_ref().filter(|_| !mailboxes.is_empty()) {
        let metrics = port.shared.metrics.clone();
        let refusals = move |why: &'static str| metrics.count(&metrics::PUSH_REFUSED, &[why], 1);
        let limits = PushLimits::new(push.body_bytes_max);
        let server = PushServer::bind(push.listen, limits, mailboxes, Box::new(refusals));
        listen(server.map_err(RunError::Push)?, port, stop)?;
    }
    Ok(running)
}

fn secret(source: &HttpSource) -> Result<Secret, String> {
    let dir = crate::config::credentials_dir();
    Secret::of(source, dir.as_deref()).map_err(|why| format!("source.secret_file: {why}"))
}

/// The thread ends with the drivers; if it breaks off, its devices are lost.
fn listen(server: PushServer, port: &Port, stop: &CancellationToken) -> Result<(), RunError> {
    info!(listen = %server.address(), "devices may post");
    let (port, stop) = (port.clone(), stop.clone());
    let serve = move || async move {
        let turns = port.shared.turns.push.clone();
        let turning = keep_turning("push", turns, port, stop.clone());
        let serving = async {
            if let Err(why) = server.serve(stop.cancelled_owned()).await {
                error!(%why, "devices cannot post: the listener broke off");
            }
        };
        tokio::join!(serving, turning);
    };
    own_thread::spawn("push", "a thread for devices that post", serve).map(drop)
}

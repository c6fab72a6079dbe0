//! Channels: where people hear of requests. All of it needs the role admin.

use gate_protocol::channel::{
    ChannelEntry, CreateChannel, DeliveryEntry, DeliveryPage, DeliveryState, TestedChannel,
};
use reqwest::Method;

use crate::call::PAGE_LIMIT;
use crate::client::{Client, Patience};
use crate::error::ClientError;

impl Client {
    /// Lists all channels, by name: `GET /v1/channels`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn channels(&self) -> Result<Vec<ChannelEntry>, ClientError> {
        let call = self.get("the channels", "/v1/channels").up_to(PAGE_LIMIT);
        self.ask(&call, Patience::SHORT).await
    }

    /// Shows a channel: `GET /v1/channels/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where none has the name.
    pub async fn channel(&self, name: &str) -> Result<ChannelEntry, ClientError> {
        let call = self.named("the channel", Method::GET, &["v1", "channels", name])?;
        self.ask(&call, Patience::SHORT).await
    }

    /// Makes a channel: `POST /v1/channels`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `bad_request` where it can't work, and
    /// with `conflict` where the name is taken.
    pub async fn create_channel(
        &self,
        wanted: &CreateChannel,
    ) -> Result<ChannelEntry, ClientError> {
        let call = self.post("the new channel", "/v1/channels").json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Takes a channel away, with what waits for it:
    /// `DELETE /v1/channels/{name}`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where none has the name,
    /// and with `conflict` where it is in the server's settings file.
    pub async fn delete_channel(&self, name: &str) -> Result<(), ClientError> {
        let path = ["v1", "channels", name];
        let call = self.named("the channel", Method::DELETE, &path)?.nothing();
        self.exchange(&call, Patience::ONCE).await?;
        Ok(())
    }

    /// Has a test sent by a channel: `POST /v1/channels/{name}/test`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; that the other side did not take it is none.
    pub async fn test_channel(&self, name: &str) -> Result<TestedChannel, ClientError> {
        let path = ["v1", "channels", name, "test"];
        let call = self.named("the test", Method::POST, &path)?;
        let call = call.waiting(std::time::Duration::from_secs(20));
        self.ask(&call, Patience::ONCE).await
    }

    /// Lists what a channel delivered, newest first:
    /// `GET /v1/channels/{name}/deliveries`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn deliveries(
        &self,
        name: &str,
        state: Option<DeliveryState>,
        before: Option<&str>,
    ) -> Result<DeliveryPage, ClientError> {
        let path = ["v1", "channels", name, "deliveries"];
        let mut call = self.named("the deliveries", Method::GET, &path)?;
        if let Some(state) = state {
            call = call.query("state", state.as_str());
        }
        if let Some(before) = before {
            call = call.query("before", before);
        }
        self.ask(&call, Patience::SHORT).await
    }

    /// Has a delivery that was given up tried again:
    /// `POST /v1/deliveries/{id}/retry`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `conflict` where it was not given up.
    pub async fn retry_delivery(&self, id: &str) -> Result<DeliveryEntry, ClientError> {
        let path = ["v1", "deliveries", id, "retry"];
        let call = self.named("the delivery", Method::POST, &path)?;
        self.ask(&call, Patience::ONCE).await
    }
}

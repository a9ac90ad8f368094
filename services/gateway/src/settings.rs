//! Settings of the gateway.

hearth_kit::settings! {
    /// Gateway of the API.
    pub struct GatewaySettings in "gateway" {
        /// Maximum number of API requests per minute of one signed-in caller: a user or a tool.
        caller_requests: u32 = 3000,
        /// Maximum number of API requests per minute of one IPv4 address or IPv6 network of 64 bits, without a valid
        /// credential.
        address_requests: u32 = 1200,
        /// Maximum number of API requests per minute of one IPv4 address or IPv6 network of 64 bits with an invalid
        /// credential. Beyond it, credentials that were not valid within the last hour are refused without a look-up.
        invalid_credentials: u32 = 120,
    }
}

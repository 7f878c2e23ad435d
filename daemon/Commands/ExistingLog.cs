using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary>Opens a log that must exist: only appends create one.</summary>
internal static class ExistingLog
{
    /// <exception cref="DelosException">NotFound.</exception>
    public static async Task<DelosLog> OpenAsync(DelosClient client, CommandContext context)
    {
        var name = context.Arguments.GetValue(SharedOptions.Log) ?? "default";
        await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(name, token)).ConfigureAwait(false);
        return client.Log(name, LogOptions.Default with { CreateIfMissing = false });
    }
}

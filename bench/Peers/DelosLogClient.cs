using Delos.Client;
using Delos.Protocol.Chains;

namespace Delos.Bench.Peers;

/// <summary>One connection to a Delos cluster, and one log.</summary>
/// <param name="client">The caller's no more.</param>
/// <param name="log">Its name.</param>
/// <param name="policy">Of the log, if it is new.</param>
internal sealed class DelosLogClient(DelosClient client, string log, LogPolicy policy) : IPeerClient
{
    public DelosLog Log { get; } = client.Log(log, new LogOptions { Policy = policy });

    public static Task<DelosLogClient> ConnectAsync(string endpoints, string log, LogPolicy policy, CancellationToken cancellationToken) => ConnectAsync(endpoints, log, policy, DelosClientOptions.Default, cancellationToken);

    public static async Task<DelosLogClient> ConnectAsync(string endpoints, string log, LogPolicy policy, DelosClientOptions options, CancellationToken cancellationToken) =>
        new(await DelosClient.ConnectAsync(endpoints, options, cancellationToken).ConfigureAwait(false), log, policy);

    public ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload) => Log.AppendAsync(payload);

    public ValueTask<long> ReadAsync() => Log.CheckTailAsync();

    public bool IsFailure(Exception exception) => exception is DelosException;

    public ValueTask DisposeAsync() => client.DisposeAsync();
}

using Delos.Client;
using Delos.Protocol.Chains;

namespace Delos.Bench.Peers;

/// <summary>One connection to a Delos cluster, and one log.</summary>
/// <param name="client">The caller's no more.</param>
/// <param name="log">Its name.</param>
/// <param name="policy">Of the log, if it is new.</param>
internal sealed class DelosLogClient(DelosClient client, string log, LogPolicy policy) : IPeerClient
{
    // The loads never block. The clients of ZooKeeper and NATS are slower so (128 B x 256: 9 and 4 %), and go on in the thread pool.
    private static readonly DelosClientOptions s_options = DelosClientOptions.Default with { InlineContinuations = true };

    public DelosLog Log { get; } = client.Log(log, new LogOptions { Policy = policy });

    public static async Task<DelosLogClient> ConnectAsync(string endpoints, string log, LogPolicy policy, CancellationToken cancellationToken) =>
        new(await DelosClient.ConnectAsync(endpoints, s_options, cancellationToken).ConfigureAwait(false), log, policy);

    public ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload) => Log.AppendAsync(payload);

    public ValueTask<long> ReadAsync() => Log.CheckTailAsync();

    public bool IsFailure(Exception exception) => exception is DelosException;

    public ValueTask DisposeAsync() => client.DisposeAsync();
}

using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>Opens NativeLoglets, and StripedLoglets of them, over shared connections.</summary>
/// <param name="connect">Connects to a node: <c>NodeDirectory.ConnectAsync</c>.</param>
/// <param name="isLost">Whether the node was out of reach a moment ago, so that others are asked first: <c>NodeDirectory.IsLost</c>.</param>
/// <param name="router">Gets the frames of those connections: the handler of the PeerPool, or called by it.</param>
/// <param name="options">Times and sizes.</param>
/// <param name="time">The clock of timeouts; none takes part in safety.</param>
/// <param name="logger">Where losses are told.</param>
/// <param name="ownNode">The node in whose process this is; 0: none. Where it has a replica, that is read first: nothing of it takes a socket.</param>
public sealed class NativeLogletFactory(LogletConnector connect, Func<uint, bool> isLost, LogletFrameRouter router, LogletOptions options, TimeProvider time, ILogger logger, uint ownNode = 0) : ILogletFactory
{
    private readonly LogletOptions _options = options.Validate();
    private int _opened;

    public ILoglet Open(LogletConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config is { Kind: LogletKind.Striped, Stripes.Count: > 0 }) return new StripedLoglet(config, Open, time, logger);
        if (config.Kind != LogletKind.Native || config.Replicas.Count == 0) throw new ArgumentException($"Loglet {config.Id} is of kind {config.Kind} with {config.Replicas.Count} replicas.", nameof(config));
        return new NativeLoglet(config, new ReplicaSet(config, connect, isLost, _options, time), router, _options, time, logger, FirstReplica(config));
    }

    private int FirstReplica(LogletConfig config)
    {
        for (var i = 0; ownNode != 0 && i < config.Replicas.Count; i++)
        {
            if (config.Replicas[i].NodeId == ownNode) return i;
        }

        // Spreads the handles of a process.
        return Interlocked.Increment(ref _opened) & int.MaxValue;
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Microsoft.Extensions.Logging;

namespace Delos.Client.MetaStore;

/// <summary>
/// The registers on the cluster's MetaStore nodes: each operation is a <see cref="RegisterProposer"/> of its own, driven by a <see cref="ProposerRunner"/>. Thread-safe.
/// </summary>
/// <remarks>The pool and its connections are the caller's. Acceptors are counted only if the peer's hello shows the node id and the disk id that the register's versions name.</remarks>
public sealed class MetaStoreClient : IMetaStore
{
    private readonly ProposerRunner _runner;
    private readonly MetaStoreOptions _options;
    private readonly IReadOnlyList<NodeEndpoint> _seeds;
    private readonly ConcurrentDictionary<string, DecidedVersion> _known = new(StringComparer.Ordinal);

    public MetaStoreClient(PeerPool peers, IReadOnlyList<(string Host, int Port)> seeds, MetaStoreOptions options, TimeProvider timeProvider, ILogger logger)
    {
        ArgumentOutOfRangeException.ThrowIfZero(seeds.Count, nameof(seeds));
        _options = options;
        _seeds = [.. seeds.Distinct().Select(s => new NodeEndpoint(0, Guid.Empty, s.Host, s.Port))];
        _runner = new ProposerRunner(peers, options, timeProvider, logger);
    }

    public async ValueTask<VersionedValue> ReadAsync(string register, CancellationToken cancellationToken = default)
    {
        var result = await RunAsync(register, write: null, cancellationToken).ConfigureAwait(false);
        return Versioned(result.Decided);
    }

    public ValueTask<WriteResult> WriteAsync(string register, ulong expectedVersion, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        WriteAsync(register, new RegisterWrite(expectedVersion, RandomId(), payload, NextAcceptors: null), cancellationToken);

    public async ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        var acceptors = await BootstrapAsync(cancellationToken).ConfigureAwait(false);
        return await _runner.ListAsync(prefix, acceptors, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Replaces one acceptor in every register, by writing the same payloads again. For a node whose disk is gone, or that was stopped for good: while it still answers, two proposers of a new register
    /// could count on different majorities. Idempotent: run it again if it fails half-way.
    /// </summary>
    /// <param name="nodeId">The node to replace.</param>
    /// <param name="replacement">The new one; possibly the same node with its new disk.</param>
    public async ValueTask ReplaceAcceptorAsync(uint nodeId, NodeEndpoint replacement, CancellationToken cancellationToken = default)
    {
        var registers = await ListAsync("", cancellationToken).ConfigureAwait(false);
        var nodes = await ReadAsync(NodeList.Register, cancellationToken).ConfigureAwait(false);
        var former = NodeListCodec.Decode(nodes.Version, nodes.Payload.Span)?.Find(nodeId);

        // The node list comes last: it tells where registers without any version begin.
        foreach (var register in registers.Where(r => r != NodeList.Register).Append(NodeList.Register))
        {
            while (true)
            {
                // The version that names the new acceptors is still decided by the old ones, and proven by them only; hence one more, which the new ones decide.
                var current = (await RunAsync(register, write: null, cancellationToken).ConfigureAwait(false)).Decided;
                if (current.Value is not { } value || (!value.Acceptors.Any(IsReplaced) && !value.Deciders.Any(IsReplaced))) break;
                NodeEndpoint[] next = [.. value.Acceptors.Select(a => IsReplaced(a) ? replacement : a)];
                await WriteAsync(register, new RegisterWrite(current.Version, RandomId(), value.Payload, next), cancellationToken).ConfigureAwait(false);
            }
        }

        // One that was away when the register began may be named there by its address only.
        bool IsReplaced(NodeEndpoint acceptor) =>
            (acceptor.NodeId == nodeId && acceptor != replacement) || (acceptor.NodeId == 0 && former is not null && RegisterProposer.IsSameAddress(acceptor, new NodeEndpoint(nodeId, former.DiskId, former.Host, former.Port)));
    }

    private async ValueTask<WriteResult> WriteAsync(string register, RegisterWrite write, CancellationToken cancellationToken)
    {
        var result = await RunAsync(register, write, cancellationToken).ConfigureAwait(false);
        if (result.OutcomeUnknown)
        {
            throw new MetaStoreUnavailableException(
                $"Version {write.Expected + 1} of '{register}' was decided, but so many followed (now {result.Decided.Version}) that none remembers whose it was.", outcomeUnknown: true);
        }

        return new WriteResult(result.Won, Versioned(result.Decided));
    }

    private async ValueTask<ProposerResult> RunAsync(string register, RegisterWrite? write, CancellationToken cancellationToken)
    {
        var known = _known.GetValueOrDefault(register, DecidedVersion.None);
        IReadOnlyList<NodeEndpoint> bootstrap = [];
        if (known.Version == 0) bootstrap = register == NodeList.Register ? (_options.SeedsAreAcceptors ? _seeds : []) : await BootstrapAsync(cancellationToken).ConfigureAwait(false);
        var seeds = known.Version == 0 && bootstrap.Count == 0 ? _seeds : [];
        if (write is not null) await _runner.IdentifyAsync(known.Value?.Acceptors ?? bootstrap, cancellationToken).ConfigureAwait(false);
        var proposer = new RegisterProposer(known, bootstrap, seeds, RandomId(), write, _runner.Identities);
        try
        {
            return await _runner.RunAsync(register, proposer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Remember(register, proposer.Known);
        }
    }

    /// <summary>The acceptors of a register that has no version yet: those that the node list names, or the configured seeds before there is one.</summary>
    private async ValueTask<IReadOnlyList<NodeEndpoint>> BootstrapAsync(CancellationToken cancellationToken)
    {
        if (_known.GetValueOrDefault(NodeList.Register, DecidedVersion.None).Value is { } known) return known.Acceptors;
        var nodes = await RunAsync(NodeList.Register, write: null, cancellationToken).ConfigureAwait(false);
        return nodes.Decided.Value?.Acceptors ?? _seeds;
    }

    private void Remember(string register, DecidedVersion decided)
    {
        if (decided.Version == 0) return;
        _known.AddOrUpdate(register, static (_, d) => d, static (_, former, d) => d.Version > former.Version ? d : former, decided);
    }

    private static VersionedValue Versioned(DecidedVersion decided) => new(decided.Version, decided.Value?.Payload ?? default);

    private static ulong RandomId()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes) | 1;
    }
}

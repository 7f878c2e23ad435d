using Delos.Client.Loglets;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Client.Admin;

/// <summary>What operators do: chains, reconfigurations, nodes. Thread-safe.</summary>
public sealed class DelosAdmin
{
    private const int EditAttempts = 5;

    private readonly ClientParts _parts;
    private readonly NodeAdmin _nodes;

    internal DelosAdmin(ClientParts parts)
    {
        _parts = parts;
        _nodes = new NodeAdmin(parts);
    }

    /// <summary>The newest chain of a log, read from a majority of the MetaStore.</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public async ValueTask<Chain> ChainAsync(string log, CancellationToken cancellationToken = default)
    {
        DelosClient.CheckName(log);
        return await MetaStoreErrors.MapAsync(_parts.Chains.ReadAsync(log, cancellationToken)).ConfigureAwait(false)
            ?? throw new DelosException(DelosErrorCode.NotFound, $"There is no log '{log}'.");
    }

    /// <summary>The names of all logs, sorted.</summary>
    /// <exception cref="DelosException">Unavailable.</exception>
    public ValueTask<IReadOnlyList<string>> ListLogsAsync(CancellationToken cancellationToken = default) => MetaStoreErrors.MapAsync(_parts.Chains.ListLogsAsync(cancellationToken));

    /// <exception cref="DelosException">AlreadyExists, Unavailable.</exception>
    public async ValueTask<Chain> CreateLogAsync(string log, LogPolicy? policy = null, CancellationToken cancellationToken = default)
    {
        DelosClient.CheckName(log);
        var (chain, created) = await MetaStoreErrors.MapAsync(_parts.Reconfigurer.CreateAsync(log, policy ?? LogPolicy.Default, cancellationToken)).ConfigureAwait(false);
        return created ? chain : throw new DelosException(DelosErrorCode.AlreadyExists, $"Log '{log}' exists already.");
    }

    /// <summary>Seals the active segment and installs a new one behind it. Appends go on: their handles find the new segment by themselves.</summary>
    /// <exception cref="DelosException">
    /// NotFound; Conflict, if <see cref="ReconfigExtendOptions.ExpectedVersion"/> is given and is not the chain's; Unavailable: no place for the new segment, or no majority of the old one or of the MetaStore.
    /// </exception>
    public async ValueTask<ReconfigResult> ReconfigExtendAsync(string log, ReconfigExtendOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new ReconfigExtendOptions();
        var chain = await ChainAsync(log, cancellationToken).ConfigureAwait(false);
        if (options.ExpectedVersion is { } version && version != chain.Version)
            throw new DelosException(DelosErrorCode.Conflict, $"Log '{log}' is at version {chain.Version}, not {version}.");
        var policy = options.Policy ?? chain.Policy;
        if (policy.Problem is { } problem) throw new ArgumentException($"The policy is not possible: {problem}.", nameof(options));
        if (options.Replicas is { } replicas && replicas.Count != policy.LogServers)
            throw new ArgumentException($"{replicas.Count} replicas are given; the policy asks for {policy.LogServers}.", nameof(options));
        var request = new ExtendRequest(chain.Active.Loglet.Id)
        {
            ExpectedVersion = options.ExpectedVersion,
            Policy = options.Policy,
            Reason = options.Reason,
            Hint = new PlacementHint { IsPlanned = true, Former = chain.Active.Loglet, Avoid = options.Avoid, Sequencer = options.Sequencer, Replicas = options.Replicas },
        };
        var result = await MetaStoreErrors.MapAsync(_parts.Reconfigurer.ExtendAsync(log, request, cancellationToken)).ConfigureAwait(false);
        return new ReconfigResult(result.Chain, result.Won, result.Durations);
    }

    /// <summary>
    /// Drops the sealed segments that end at or below <paramref name="position"/> from the chain, waits <see cref="DelosClientOptions.DeleteGrace"/>, and deletes their Loglets. What they held is gone: trim, or copy, first.
    /// Not won: nothing to drop.
    /// </summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public ValueTask<ReconfigResult> ReconfigTruncateAsync(string log, long position, string reason = "", CancellationToken cancellationToken = default)
    {
        DelosClient.CheckName(log);
        return MetaStoreErrors.MapAsync(_parts.Reconfigurer.TruncateAsync(log, position, reason, cancellationToken));
    }

    /// <summary>Copies one sealed segment into a new Loglet, verifies the copy, installs it in the segment's place, waits <see cref="DelosClientOptions.DeleteGrace"/> and deletes the old one.</summary>
    /// <param name="log">The log.</param>
    /// <param name="segment">The segment's Loglet, as in the chain.</param>
    /// <param name="options">Where to.</param>
    /// <param name="cancellationToken">Ends it; what was copied is deleted if it was not installed.</param>
    /// <exception cref="DelosException">NotFound; InvalidRequest: the segment is active; Corrupt: the copy differs; Unavailable.</exception>
    public ValueTask<ReconfigResult> ReconfigModifyAsync(string log, LogletId segment, ReconfigModifyOptions? options = null, CancellationToken cancellationToken = default)
    {
        DelosClient.CheckName(log);
        return MetaStoreErrors.MapAsync(_parts.Reconfigurer.ModifyAsync(log, segment, options ?? new ReconfigModifyOptions(), cancellationToken));
    }

    /// <summary>Patches or deletes one entry: <see cref="ReconfigModifyAsync"/> of its segment, which is given a successor first if it is the active one. The entry keeps its position and append id.</summary>
    /// <param name="log">The log.</param>
    /// <param name="position">Where the entry is.</param>
    /// <param name="edit">What becomes of it.</param>
    /// <param name="reason">For the chain's history, at most 200 characters.</param>
    /// <param name="cancellationToken">Ends it; nothing is changed then, unless the chain was already written.</param>
    /// <returns>Not won: somebody else gave the segment another Loglet at the same time, and nothing was changed; try again.</returns>
    /// <exception cref="DelosException">NotFound: nothing was ever appended there; InvalidRequest: it was trimmed, or holds no entry of an application; LimitExceeded; Conflict: the chain is changed again and again; Corrupt, Unavailable.</exception>
    public async ValueTask<ReconfigResult> EditEntryAsync(string log, long position, EntryEdit edit, string reason = "operator", CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentNullException.ThrowIfNull(edit);
        if (edit.Payload is { } payload && payload.Length > _parts.Options.MaxEntryBytes)
            throw new DelosException(DelosErrorCode.LimitExceeded, $"The patch has {payload.Length} bytes; {_parts.Options.MaxEntryBytes} is the limit of an entry.");
        for (var attempt = 0; ; attempt++)
        {
            var chain = await ChainAsync(log, cancellationToken).ConfigureAwait(false);
            switch (chain.Find(position))
            {
                case { Stop: not null } segment:
                    var modify = new ReconfigModifyOptions { Edits = new Dictionary<long, EntryEdit> { [position] = edit }, Reason = reason };
                    return await ReconfigModifyAsync(log, segment.Loglet.Id, modify, cancellationToken).ConfigureAwait(false);
                case null:
                    throw new DelosException(DelosErrorCode.InvalidRequest, $"Position {position} of log '{log}' was truncated away.");
            }

            if (!await IsBelowTailAsync(chain.Active, position, cancellationToken).ConfigureAwait(false)) throw new DelosException(DelosErrorCode.NotFound, $"Nothing was appended at position {position} of log '{log}'.");
            try
            {
                // Whoever wins, the segment has an end then.
                await ReconfigExtendAsync(log, new ReconfigExtendOptions { ExpectedVersion = chain.Version, Reason = reason }, cancellationToken).ConfigureAwait(false);
            }
            catch (DelosException e) when (e.Code == DelosErrorCode.Conflict && attempt < EditAttempts)
            {
                // Somebody else changed the chain between the two looks at it.
            }
        }
    }

    /// <summary>Seals the active segment, finds its tail and stops there. The log goes on when the segment monitor or the next client installs a successor.</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public ValueTask<SealResult> SealAsync(string log, CancellationToken cancellationToken = default)
    {
        DelosClient.CheckName(log);
        return MetaStoreErrors.MapAsync(_parts.Reconfigurer.SealAsync(log, cancellationToken));
    }

    /// <summary>What the parts of one segment's Loglet say of themselves.</summary>
    /// <param name="log">The log.</param>
    /// <param name="segment">The segment's Loglet, as in the chain; null: the active one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DelosException">NotFound, Unavailable (of the MetaStore; silent replicas are part of the answer).</exception>
    public async ValueTask<LogletDescription> DescribeLogletAsync(string log, LogletId? segment = null, CancellationToken cancellationToken = default)
    {
        var chain = await ChainAsync(log, cancellationToken).ConfigureAwait(false);
        var found = segment is { } id ? chain.Segments.FirstOrDefault(s => s.Loglet.Id == id) : chain.Active;
        if (found is null) throw new DelosException(DelosErrorCode.NotFound, $"No segment of log '{log}' has Loglet {segment}.");
        var loglet = _parts.Loglets.Open(found.Loglet);
        await using (loglet.ConfigureAwait(false))
        {
            return await loglet.DescribeAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The node list with each node's answer, asked in parallel.</summary>
    /// <exception cref="DelosException">Unavailable (of the MetaStore; silent nodes are part of the answer).</exception>
    public ValueTask<IReadOnlyList<NodeReport>> NodesAsync(CancellationToken cancellationToken = default) => MetaStoreErrors.MapAsync(_nodes.ListAsync(cancellationToken));

    /// <summary>One node's status document (JSON, see NodeStatusDocument).</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public ValueTask<ReadOnlyMemory<byte>> NodeStatusAsync(uint nodeId, CancellationToken cancellationToken = default) => MetaStoreErrors.MapAsync(_nodes.StatusAsync(nodeId, cancellationToken));

    /// <summary>
    /// Gives a node id a new disk id, after its disk was lost or wiped; replicas on the old disk are then gone for good (DESIGN §3, LogServer rule 6). If the node is an acceptor of the MetaStore, it is replaced there as well.
    /// </summary>
    /// <param name="nodeId">Must be in the node list.</param>
    /// <param name="newDiskId">Of the identity that <c>delosd init --replace</c> wrote on the new disk.</param>
    /// <param name="expectedDiskId">The disk id that the caller saw in the list; Conflict if it is another by now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DelosException">NotFound, Conflict, Unavailable.</exception>
    public ValueTask ReplaceNodeAsync(uint nodeId, Guid newDiskId, Guid? expectedDiskId = null, CancellationToken cancellationToken = default) =>
        MetaStoreErrors.MapAsync(_nodes.ReplaceAsync(nodeId, newDiskId, expectedDiskId, cancellationToken));

    /// <summary>True also of a sealed segment: what its tail is only the next chain says.</summary>
    private async ValueTask<bool> IsBelowTailAsync(Segment active, long position, CancellationToken cancellationToken)
    {
        var loglet = _parts.Loglets.Open(active.Loglet);
        await using (loglet.ConfigureAwait(false))
        {
            try
            {
                var tail = await loglet.CheckTailAsync(cancellationToken).ConfigureAwait(false);
                return tail.IsSealed || position < active.Start + tail.Tail;
            }
            catch (LogletException e)
            {
                throw new DelosException(DelosErrorCode.Unavailable, $"The tail of Loglet {active.Loglet.Id} could not be learned: {e.Message}", e);
            }
        }
    }
}

using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Client.Admin;

/// <summary>What operators do: chains, reconfigurations, nodes. Thread-safe.</summary>
public sealed class DelosAdmin
{
    internal DelosAdmin()
    {
    }

    /// <summary>The newest chain of a log, read from a majority of the MetaStore.</summary>
    /// <exception cref="DelosException">NotFound.</exception>
    public ValueTask<Chain> ChainAsync(string log, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<string>> ListLogsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <exception cref="DelosException">AlreadyExists.</exception>
    public ValueTask<Chain> CreateLogAsync(string log, LogPolicy? policy = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Seals the active segment and installs a new one behind it.</summary>
    /// <exception cref="DelosException">Conflict, if <see cref="ReconfigExtendOptions.ExpectedVersion"/> is given and is not the chain's.</exception>
    public ValueTask<ReconfigResult> ReconfigExtendAsync(string log, ReconfigExtendOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Drops the sealed segments that end at or below <paramref name="position"/> from the chain, and after a grace their Loglets.</summary>
    public ValueTask<ReconfigResult> ReconfigTruncateAsync(string log, long position, string reason = "", CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Copies one sealed segment into a new Loglet, verifies the copy, installs it in the segment's place and after a grace deletes the old one.</summary>
    public ValueTask<ReconfigResult> ReconfigModifyAsync(string log, LogletId segment, ReconfigModifyOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Seals the active segment, finds its tail and stops there. The log goes on when the segment monitor or the next client installs a successor.</summary>
    public ValueTask<SealResult> SealAsync(string log, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The node list with each node's answer, asked in parallel.</summary>
    public ValueTask<IReadOnlyList<NodeReport>> NodesAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>One node's status document (JSON, see NodeStatusDocument).</summary>
    /// <exception cref="DelosException">NotFound, Unavailable.</exception>
    public ValueTask<ReadOnlyMemory<byte>> NodeStatusAsync(uint nodeId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Gives a node id a new disk id, after its disk was lost or wiped; replicas on the old disk are then gone for good (DESIGN §3, LogServer rule 6).</summary>
    /// <param name="nodeId">Must be in the node list.</param>
    /// <param name="newDiskId">Of the identity that <c>delosd init --replace</c> wrote on the new disk.</param>
    /// <param name="expectedDiskId">The disk id that the caller saw in the list; Conflict if it is another by now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask ReplaceNodeAsync(uint nodeId, Guid newDiskId, Guid? expectedDiskId = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}

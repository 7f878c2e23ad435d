using System.Text;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.MetaStore;

/// <summary>
/// The Paxos acceptor of all registers (DESIGN §3, MetaStore). Pure: a call decides on an answer and, perhaps, on a new state; the shell makes the state durable, then calls
/// <see cref="Apply"/>, and sends no answer before the state that it shows is durable. Not thread-safe: the shell locks.
/// </summary>
/// <remarks>
/// <para>It keeps the newest accepted instance only. For older ones it answers Superseded, with the newest value: the proposer of instance v + 1 knew that v was decided, so nothing is lost.
/// An accepted value is dropped by accepting a later one, never by a mere promise.</para>
/// <para>One promised ballot covers the newest accepted instance and every later one. That is stricter than a promise per instance, hence as safe, and needs no memory for
/// promises of several instances. Gaps between instances are allowed: an acceptor that was away takes part again at once, in whatever instance is due.</para>
/// </remarks>
internal sealed class AcceptorCore(AcceptorLimits limits)
{
    private readonly Dictionary<string, AcceptorRegister> _registers = new(StringComparer.Ordinal);

    public IReadOnlyCollection<AcceptorRegister> Registers => _registers.Values;

    public AcceptorRegister? Find(string register) => _registers.GetValueOrDefault(register);

    /// <summary>Phase 1. A non-null <paramref name="next"/> must be durable and applied before the answer is sent.</summary>
    public MetaPrepareReply Prepare(in MetaPrepare request, out AcceptorRegister? next)
    {
        next = null;
        if (!IsNameValid(request.Register) || request.Instance == 0 || request.Ballot.IsNone) return new MetaPrepareReply(StatusCode.Malformed, default, 0, default, default);
        var known = _registers.TryGetValue(request.Register, out var found);
        var register = known ? found! : new AcceptorRegister(request.Register, default, 0, default, default);
        if (!known && _registers.Count >= limits.MaxRegisters) return new MetaPrepareReply(StatusCode.LimitExceeded, default, 0, default, default);
        if (request.Instance < register.Instance) return new MetaPrepareReply(StatusCode.Superseded, register.Promised, register.Instance, register.Accepted, register.Value);
        if (request.Ballot < register.Promised) return new MetaPrepareReply(StatusCode.Rejected, register.Promised, register.Instance, default, default);
        if (request.Ballot > register.Promised) next = register with { Promised = request.Ballot };
        var holdsIt = request.Instance == register.Instance;
        return new MetaPrepareReply(StatusCode.Ok, request.Ballot, register.Instance, holdsIt ? register.Accepted : default, holdsIt ? register.Value : default);
    }

    /// <summary>Phase 2. A non-null <paramref name="next"/> must be durable and applied before the answer is sent.</summary>
    public MetaAcceptReply Accept(in MetaAccept request, out AcceptorRegister? next)
    {
        next = null;
        if (!IsNameValid(request.Register) || request.Instance == 0 || request.Ballot.IsNone) return new MetaAcceptReply(StatusCode.Malformed, default, 0);
        if (request.Value.Length > limits.MaxValueBytes) return new MetaAcceptReply(StatusCode.LimitExceeded, default, 0);
        var known = _registers.TryGetValue(request.Register, out var found);
        var register = known ? found! : new AcceptorRegister(request.Register, default, 0, default, default);
        if (!known && _registers.Count >= limits.MaxRegisters) return new MetaAcceptReply(StatusCode.LimitExceeded, default, 0);
        if (request.Instance < register.Instance) return new MetaAcceptReply(StatusCode.Superseded, register.Promised, register.Instance);
        if (request.Ballot < register.Promised) return new MetaAcceptReply(StatusCode.Rejected, register.Promised, register.Instance);
        if (request.Instance == register.Instance && request.Ballot == register.Accepted)
        {
            // A resend. One ballot stands for one value: another one here is a broken proposer, and must not be told that its value counts.
            var same = request.Value.Span.SequenceEqual(register.Value.Span);
            return new MetaAcceptReply(same ? StatusCode.Ok : StatusCode.Malformed, register.Promised, register.Instance);
        }

        next = new AcceptorRegister(request.Register, request.Ballot, request.Instance, request.Ballot, request.Value);
        return new MetaAcceptReply(StatusCode.Ok, request.Ballot, request.Instance);
    }

    /// <summary>What this acceptor accepted last. Proves nothing alone (trap 16), and is sent only once it is durable.</summary>
    public MetaReadReply Read(in MetaRead request)
    {
        if (!IsNameValid(request.Register)) return new MetaReadReply(StatusCode.Malformed, 0, default, default);
        if (!_registers.TryGetValue(request.Register, out var register)) return new MetaReadReply(StatusCode.Ok, 0, default, default);
        return new MetaReadReply(StatusCode.Ok, register.Instance, register.Accepted, register.Value);
    }

    /// <summary>The names of registers with an accepted value that begin with the prefix, sorted.</summary>
    public MetaListReply List(in MetaList request)
    {
        var prefix = request.Prefix;
        var names = _registers.Values.Where(r => r.Instance > 0 && r.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(r => r.Name).ToArray();
        Array.Sort(names, StringComparer.Ordinal);
        return new MetaListReply(StatusCode.Ok, names);
    }

    public void Apply(AcceptorRegister next) => _registers[next.Name] = next;

    private bool IsNameValid(string name) => name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= limits.MaxNameBytes;
}

/// <summary>Bounds on what a proposer can make an acceptor hold.</summary>
internal sealed record AcceptorLimits
{
    public int MaxNameBytes { get; init; } = 256;

    public int MaxValueBytes { get; init; } = 768 << 10;

    public int MaxRegisters { get; init; } = 65_536;
}

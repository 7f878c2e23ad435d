using System.Buffers.Binary;
using System.Text;
using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>
/// Applies the log's entries to a store: the pure heart of a replica, without log, clock or thread. What it writes is decided by the entries alone; the cursor goes into the transaction that has the effects
/// (DESIGN §3, DelosRuntime). Not thread-safe.
/// </summary>
/// <param name="machine">The application.</param>
/// <param name="replica">This replica's lasting id.</param>
internal sealed class RuntimeCore(IStateMachine machine, ulong replica)
{
    private readonly ReplicaTable _replicas = new(replica);
    private CursorRecord _cursor;
    private FeatureGates _gates = FeatureGates.None;

    /// <summary>First position not applied.</summary>
    public long Next => _cursor.Next;

    public CursorRecord Cursor => _cursor;

    public FeatureGates Gates => _gates;

    /// <summary>Others with whom this replica was found not to agree.</summary>
    public IReadOnlyList<ulong> Disagreeing => _replicas.Disagreeing;

    /// <summary>Goes on from what the store holds.</summary>
    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    public void Load(IStoreReader store)
    {
        _cursor = CursorRecord.Load(store);
        var levels = new Dictionary<string, int>();
        using var cursor = store.Scan(StoreSpace.Runtime, RuntimeKeys.GatePrefix, RuntimeKeys.After(RuntimeKeys.GatePrefix));
        while (cursor.MoveNext()) levels[Encoding.UTF8.GetString(cursor.Key[1..])] = BinaryPrimitives.ReadInt32LittleEndian(cursor.Value);
        _gates = new FeatureGates(levels);
    }

    /// <summary>Applies the entry at a position that is not below <see cref="Next"/>, as a whole or not at all.</summary>
    /// <param name="store">The batch's transaction.</param>
    /// <param name="position">Where the entry is.</param>
    /// <param name="entry">Its payload.</param>
    /// <param name="onAnswer">Gets the batch and, one by one, the index and the answer of each of its proposals.</param>
    /// <returns>Null, or what the state machine threw at this entry: the replica stops in front of it.</returns>
    public Exception? Apply(IStoreTransaction store, long position, ReadOnlySpan<byte> entry, Action<ProposalBatch, int, Answer> onAnswer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(position, Next);
        if (!ProposalBatch.IsOne(entry))
        {
            _cursor = _cursor with { Next = position + 1 };
            return null;
        }

        var before = (_cursor, _gates);
        var effects = new EffectChecksum(store);
        var begin = store.Savepoint();
        try
        {
            var batch = ProposalBatch.Decode(entry);
            var time = Math.Max(_cursor.Time, batch.Time.ToUnixTimeMilliseconds());
            var answers = new Answer[batch.Proposals.Count];
            for (var i = 0; i < answers.Length; i++)
            {
                var context = new CommandContext(position, i, DateTimeOffset.FromUnixTimeMilliseconds(time), _gates);
                answers[i] = Apply(effects, store, context, batch.Proposals[i]);
                effects.NoteAnswer(answers[i].Payload.Span);
            }

            _cursor = _cursor with { Next = position + 1, Time = time, Commands = _cursor.Commands + answers.Length, Checksum = effects.Take(_cursor.Checksum, position) };
            for (var i = 0; i < answers.Length; i++) onAnswer(batch, i, answers[i]);
            return null;
        }
        catch (Exception e) when (e is not (OutOfMemoryException or LocalStoreException))
        {
            // Of the entry nothing stays; what went before it in this batch does.
            store.RollBackTo(begin);
            (_cursor, _gates) = before;
            return e;
        }
    }

    /// <summary>There is nothing more to apply below that position.</summary>
    public void Advance(long next)
    {
        if (next > Next) _cursor = _cursor with { Next = next };
    }

    /// <summary>Puts the cursor into the transaction that has the effects. The caller commits.</summary>
    public void Save(IStoreTransaction store) => store.Put(StoreSpace.Runtime, RuntimeKeys.Cursor, _cursor.Encode());

    private Answer Apply(EffectChecksum effects, IStoreTransaction local, in CommandContext context, in Proposal proposal)
    {
        switch (proposal.Kind)
        {
            case ProposalKind.Command when !proposal.HasSession:
                return new Answer(ProposalStatus.Applied, machine.Apply(effects, context, proposal.Payload.Span));
            case ProposalKind.Command:
                if (SessionTable.Find(effects, proposal) is { } known) return known;
                var answer = machine.Apply(effects, context, proposal.Payload.Span);
                SessionTable.Record(effects, proposal, context, answer.Span);
                return new Answer(ProposalStatus.Applied, answer);
            case ProposalKind.OpenSession:
                var id = new byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(id, SessionTable.Open(effects, context));
                return new Answer(ProposalStatus.Applied, id);
            case ProposalKind.Report:
                _replicas.Apply(effects, local, ReplicaReport.Decode(proposal.Payload.Span), context.Position, _cursor.Checksum);
                _cursor = _cursor with { Swept = SessionTable.Sweep(effects, _cursor.Swept, context.Time.ToUnixTimeMilliseconds()) };
                NoteReplicas(effects);
                return default;
            case ProposalKind.Evict:
                var evict = new MessageReader(proposal.Payload.Span);
                var (evicted, reportedAt) = (evict.U64(), evict.Position());
                if (!evict.IsComplete) throw new InvalidDataException("An eviction makes no sense.");
                var done = _replicas.Evict(effects, evicted, reportedAt);
                NoteReplicas(effects);
                return done ? default : Refused("it has reported since, or was evicted already");
            case ProposalKind.RaiseGate:
                var gate = new MessageReader(proposal.Payload.Span);
                var (feature, level) = (gate.Text(), (int)Math.Min(gate.U32(), int.MaxValue));
                if (!gate.IsComplete || feature.Length == 0) throw new InvalidDataException("A gate makes no sense.");
                if (ReplicaTable.Lacking(effects, feature, level) is { } lacking) return Refused($"feature '{feature}' at level {level} is {lacking}");
                _gates = _gates.Raise(feature, level);
                var bytes = new byte[4];
                BinaryPrimitives.WriteInt32LittleEndian(bytes, _gates.LevelOf(feature));
                effects.Put(StoreSpace.Runtime, RuntimeKeys.Gate(feature), bytes);
                return default;
            default:
                throw new InvalidDataException($"A proposal of kind {proposal.Kind} is not known to this program. Upgrade it.");
        }
    }

    private void NoteReplicas(IStoreTransaction store) =>
        _cursor = _cursor with { TrimPoint = Math.Max(_cursor.TrimPoint, ReplicaTable.TrimPoint(store)), Diverged = _cursor.Diverged || _replicas.IsDiverged(store) };

    private static Answer Refused(string why) => new(ProposalStatus.Refused, Encoding.UTF8.GetBytes(why));
}

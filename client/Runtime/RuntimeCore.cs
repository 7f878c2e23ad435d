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
/// <param name="features">The features that this program knows, and up to which level.</param>
internal sealed class RuntimeCore(IStateMachine machine, ulong replica, IReadOnlyDictionary<string, int> features)
{
    private const int SweptPerReport = 64;

    private readonly ReplicaTable _replicas = new(replica);
    private CursorRecord _cursor;
    private FeatureGates _gates = FeatureGates.None;

    // What was applied since the last commit is in there; null: nothing was.
    private IStoreTransaction? _transaction;

    /// <summary>First position not applied.</summary>
    public long Next => _cursor.Next;

    public CursorRecord Cursor => _cursor;

    public FeatureGates Gates => _gates;

    /// <summary>Others with whom this replica was found not to agree.</summary>
    public IReadOnlyList<ulong> Disagreeing => _replicas.Disagreeing;

    /// <summary>The highest position at which another replica had the same state; -1: not known of any.</summary>
    public long AgreedUpTo => _replicas.AgreedUpTo;

    /// <summary>Goes on from what the store holds; whatever was applied and not committed is forgotten.</summary>
    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    /// <exception cref="IncompatibleProgramException">The cluster uses a feature that this program does not know.</exception>
    public void Load(IStoreReader store)
    {
        _transaction = null;
        _cursor = CursorRecord.Load(store);
        _replicas.Forget();
        var levels = new Dictionary<string, int>();
        using var cursor = store.Scan(StoreSpace.Runtime, RuntimeKeys.GatePrefix, RuntimeKeys.After(RuntimeKeys.GatePrefix));
        while (cursor.MoveNext()) levels[Encoding.UTF8.GetString(cursor.Key[1..])] = BinaryPrimitives.ReadInt32LittleEndian(cursor.Value);
        _gates = new FeatureGates(levels);
        foreach (var (feature, level) in levels) EnsureKnown(feature, level);
    }

    /// <summary>Applies the entry at a position that is not below <see cref="Next"/>, as a whole or not at all.</summary>
    /// <param name="store">The batch's transaction.</param>
    /// <param name="position">Where the entry is.</param>
    /// <param name="entry">Its payload.</param>
    /// <param name="onAnswer">Gets the batch and, one by one, the index and the answer of each of its proposals.</param>
    /// <returns>Null, or what the state machine threw at this entry: the replica stops in front of it.</returns>
    /// <exception cref="InvalidOperationException">What was applied before is in another transaction, which was not committed, or could not be: the core is ahead of the store, until it is loaded from it.</exception>
    public Exception? Apply(IStoreTransaction store, long position, ReadOnlyMemory<byte> entry, Action<ProposalBatch, int, Answer> onAnswer)
    {
        Use(store);
        ArgumentOutOfRangeException.ThrowIfLessThan(position, Next);
        if (!ProposalBatch.IsOne(entry.Span))
        {
            _cursor = _cursor with { Next = position + 1 };
            return null;
        }

        var before = (_cursor, _gates);
        var effects = new EffectChecksum(store);
        var guarded = new MachineTransaction(effects);
        var sessions = new EntrySessions(effects);
        var begin = store.Savepoint();
        try
        {
            var batch = ProposalBatch.Decode(entry);
            var time = Math.Max(_cursor.Time, batch.Time.ToUnixTimeMilliseconds());
            var answers = new Answer[batch.Proposals.Count];
            for (var i = 0; i < answers.Length; i++)
            {
                var context = new CommandContext(position, i, DateTimeOffset.FromUnixTimeMilliseconds(time), _gates);
                answers[i] = Apply(effects, guarded, sessions, store, context, batch.Proposals[i]);
                effects.NoteAnswer(answers[i].Payload.Span);
            }

            machine.Complete(guarded);
            sessions.WriteKept();
            _cursor = _cursor with { Next = position + 1, Time = time, Commands = _cursor.Commands + answers.Length, Checksum = effects.Take(_cursor.Checksum, position) };
            for (var i = 0; i < answers.Length; i++) onAnswer(batch, i, answers[i]);
            return null;
        }
        catch (Exception e) when (e is not (OutOfMemoryException or LocalStoreException or IncompatibleProgramException))
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

    /// <summary>Commits the transaction that has the effects, with the cursor. If that fails, the core has to be loaded anew.</summary>
    /// <exception cref="InvalidOperationException">As <see cref="Apply(IStoreTransaction, long, ReadOnlyMemory{byte}, Action{ProposalBatch, int, Answer})"/>.</exception>
    public void Commit(IStoreTransaction store)
    {
        Use(store);
        store.Put(StoreSpace.Runtime, RuntimeKeys.Cursor, _cursor.Encode());
        store.Commit();
        _transaction = null;
    }

    private void Use(IStoreTransaction store)
    {
        if (_transaction is not null && _transaction != store) throw new InvalidOperationException("What was applied last was not committed; the replica's store has to be loaded again before anything is put on top.");
        _transaction = store;
    }

    private Answer Apply(EffectChecksum effects, MachineTransaction guarded, EntrySessions sessions, IStoreTransaction local, in CommandContext context, in Proposal proposal)
    {
        switch (proposal.Kind)
        {
            case ProposalKind.Command when !proposal.HasSession:
                return new Answer(ProposalStatus.Applied, machine.Apply(guarded, context, proposal.Payload.Span));
            case ProposalKind.Command:
                if (sessions.Find(proposal, out var session) is { } known) return known;
                var answer = machine.Apply(guarded, context, proposal.Payload.Span);
                sessions.Record(proposal, session!, context, answer.Span);
                return new Answer(ProposalStatus.Applied, answer);
            case ProposalKind.OpenSession:
                sessions.WriteKept();
                var id = new byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(id, SessionTable.Open(effects, context));

                // Twice as fast as they come: sessions that nobody uses do not pile up.
                _cursor = _cursor with { Swept = SessionTable.Sweep(effects, _cursor.Swept, 2, context.Time.ToUnixTimeMilliseconds()) };
                return new Answer(ProposalStatus.Applied, id);
            case ProposalKind.Report:
                sessions.WriteKept();
                _replicas.Apply(effects, local, ReplicaReport.Decode(proposal.Payload.Span), context.Position, _cursor.Checksum);
                _cursor = _cursor with { Swept = SessionTable.Sweep(effects, _cursor.Swept, SweptPerReport, context.Time.ToUnixTimeMilliseconds()), TrimPoint = TrimPoint(effects), Diverged = _cursor.Diverged || _replicas.IsDiverged(effects) };
                return default;
            case ProposalKind.Evict:
                var evict = new MessageReader(proposal.Payload.Span);
                var (evicted, reportedAt) = (evict.U64(), evict.Position());
                if (!evict.IsComplete) throw new InvalidDataException("An eviction makes no sense.");
                var done = _replicas.Evict(effects, evicted, reportedAt);
                _cursor = _cursor with { TrimPoint = TrimPoint(effects) };
                return done ? default : Refused("it has reported since, or was evicted already");
            case ProposalKind.RaiseGate:
                var gate = new MessageReader(proposal.Payload.Span);
                var (feature, level) = (gate.Text(), (int)Math.Min(gate.U32(), int.MaxValue));
                if (!gate.IsComplete || feature.Length == 0) throw new InvalidDataException("A gate makes no sense.");
                if (ReplicaTable.Lacking(effects, feature, level) is { } lacking) return Refused($"feature '{feature}' at level {level} is {lacking}");
                EnsureKnown(feature, level);
                _gates = _gates.Raise(feature, level);
                var bytes = new byte[4];
                BinaryPrimitives.WriteInt32LittleEndian(bytes, _gates.LevelOf(feature));
                effects.Put(StoreSpace.Runtime, RuntimeKeys.Gate(feature), bytes);
                return default;
            default:
                throw new IncompatibleProgramException($"Position {context.Position} has a proposal of kind {(byte)proposal.Kind}, which this program does not know");
        }
    }

    /// <summary>A program that does not have a feature which the others use would compute something else.</summary>
    private void EnsureKnown(string feature, int level)
    {
        if (features.GetValueOrDefault(feature) < level) throw new IncompatibleProgramException($"The cluster uses feature '{feature}' at level {level}, which this program does not know");
    }

    private long TrimPoint(IStoreReader store) => Math.Max(_cursor.TrimPoint, ReplicaTable.TrimPoint(store));

    private static Answer Refused(string why) => new(ProposalStatus.Refused, Encoding.UTF8.GetBytes(why));
}

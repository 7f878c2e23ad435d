namespace Delos.Runtime;

/// <summary>
/// The sessions whose commands an entry of the log has: each is looked up once, and what many commands would write again and again, its record and the page of its answers, is kept back until the entry is complete, or somebody asks
/// the store for it (<see cref="WriteKept"/>).
/// </summary>
/// <param name="store">The batch's transaction.</param>
internal sealed class EntrySessions(IStoreTransaction store)
{
    /// <summary>Most that are kept, so that one is found quickly.</summary>
    private const int MostKept = 64;

    private readonly List<KeptSession> _kept = [];

    /// <summary>Null: to be applied, then <see cref="Record"/>ed with the session. Else its answer, since it was applied before or cannot be.</summary>
    public Answer? Find(in Proposal proposal, out KeptSession? session)
    {
        session = Look(proposal.Session);
        if (session is null) return new Answer(ProposalStatus.SessionExpired, default);
        var record = session.Record;
        if (proposal.Sequence < record.Floor) return new Answer(ProposalStatus.AlreadyAnswered, default);
        if (proposal.Sequence - Math.Max(record.Floor, proposal.Floor) >= Session.Window) return new Answer(ProposalStatus.TooManyUnanswered, default);
        if (proposal.Sequence > record.Highest) return null;
        session.WriteAnswers(store);
        return AnswerPage.Find(store, proposal.Session, proposal.Sequence) is { } answer ? new Answer(ProposalStatus.Applied, answer) : null;
    }

    /// <summary>Keeps the answer, and forgets those that the client has.</summary>
    public void Record(in Proposal proposal, KeptSession session, in CommandContext context, ReadOnlySpan<byte> answer)
    {
        session.AddAnswer(store, proposal.Sequence, answer);
        var before = session.Record;
        if (proposal.Floor > before.Floor) AnswerPage.Forget(store, proposal.Session, before, proposal.Floor);
        session.Record = new SessionRecord(Math.Max(before.Floor, proposal.Floor), context.Time.ToUnixTimeMilliseconds(), Math.Max(before.Highest, proposal.Sequence));
    }

    /// <summary>Writes what was kept back, and knows nothing of any session any more.</summary>
    public void WriteKept()
    {
        foreach (var session in _kept) session.Write(store);
        _kept.Clear();
    }

    private KeptSession? Look(ulong id)
    {
        foreach (var known in _kept)
        {
            if (known.Id == id) return known;
        }

        if (_kept.Count == MostKept) WriteKept();
        if (SessionTable.Load(store, id) is not { } record) return null;
        var session = new KeptSession(id, record);
        _kept.Add(session);
        return session;
    }
}

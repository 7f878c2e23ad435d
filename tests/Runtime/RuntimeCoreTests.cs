using System.Buffers.Binary;
using System.Text;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Tests.LocalStorage;

namespace Delos.Tests.Runtime;

/// <summary>The pure heart of a replica, and the codecs of what it finds in the log.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class RuntimeCoreTests
{
    private static readonly DateTimeOffset s_time = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);

    private static readonly Dictionary<string, int> s_features = new() { ["f"] = 2 };

    private readonly RuntimeCore _core = new(new Registers(), 1, s_features);
    private readonly MemoryStoreFactory _stores = new();
    private readonly List<(int Index, Answer Answer)> _answers = [];

    [Test]
    public void Log_time_never_goes_back()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, Command("set a 1"));
        Apply(store, 1, s_time.AddHours(-1), Command("set a 2"));
        Assert.That(_core.Cursor.Time, Is.EqualTo(s_time.ToUnixTimeMilliseconds()));
    }

    [Test]
    public void The_cursor_is_in_the_same_commit_as_the_effects()
    {
        using (var store = _stores.Open())
        {
            Apply(store, 0, s_time, Command("set a 1"));
            using var transaction = store.Begin();
            _core.Apply(transaction, 1, Batch(s_time, Command("set a 2")), Note);
        }

        using var again = _stores.Open();
        using var snapshot = again.Snapshot();
        Assert.That((Registers.Get(snapshot, "a"), CursorRecord.Load(snapshot).Next), Is.EqualTo(("1", 1L)), "what was not committed is not there, in either");
    }

    [Test]
    public void After_a_commit_that_failed_or_never_came_nothing_is_put_on_top_until_the_store_is_loaded()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, Command("set a 1"));
        using (var lost = store.Begin())
        {
            // Its commit fails.
            Assert.That(_core.Apply(lost, 1, Batch(s_time, Command("set a 2")), Note), Is.Null);
            lost.Dispose();
            Assert.That(() => _core.Commit(lost), Throws.InstanceOf<ObjectDisposedException>());
        }

        using (var next = store.Begin())
        {
            Assert.That(() => _core.Apply(next, 2, Batch(s_time, Command("set b 3")), Note), Throws.InvalidOperationException);
            Assert.That(() => _core.Commit(next), Throws.InvalidOperationException);
        }

        using (var snapshot = store.Snapshot())
        {
            Assert.That((Registers.Get(snapshot, "a"), Registers.Get(snapshot, "b"), CursorRecord.Load(snapshot).Next), Is.EqualTo(("1", (string?)null, 1L)));
            _core.Load(snapshot);
        }

        Assert.That(_core.Next, Is.EqualTo(1));
        Apply(store, 1, s_time, Command("set a 2"));
        using (var abandoned = store.Begin()) Assert.That(_core.Apply(abandoned, 2, Batch(s_time, Command("set b 3")), Note), Is.Null);
        using var other = store.Begin();
        Assert.That(() => _core.Apply(other, 3, default, Note), Throws.InvalidOperationException);
    }

    [Test]
    public void An_entry_at_which_the_machine_fails_leaves_nothing_and_the_rest_of_its_batch_stays()
    {
        using var store = _stores.Open();
        using (var transaction = store.Begin())
        {
            Assert.That(_core.Apply(transaction, 0, Batch(s_time, Command("set a 1")), Note), Is.Null);
            var before = _core.Cursor;
            Assert.That(_core.Apply(transaction, 1, Batch(s_time, Command("set a 2"), Command("set b 2"), Command("fail")), Note), Is.InstanceOf<InvalidOperationException>());
            Assert.That(_core.Cursor, Is.EqualTo(before));
            Assert.That(_answers, Has.Count.EqualTo(1), "nobody is answered for it");
            _core.Commit(transaction);
        }

        using var snapshot = store.Snapshot();
        Assert.That((Registers.Get(snapshot, "a"), Registers.Get(snapshot, "b")), Is.EqualTo(("1", (string?)null)));
    }

    [Test]
    public void The_checksum_does_not_depend_on_how_entries_are_batched_but_on_order_and_effects()
    {
        var entries = Enumerable.Range(0, 40).Select(i => Batch(s_time.AddSeconds(i), Command($"set k{i % 5} {i}"), Command($"add n {i}"))).ToList();
        ulong[] checksums = [Run(entries, 1), Run(entries, 7), Run(entries, 40)];
        Assert.That(checksums.Distinct().Count(), Is.EqualTo(1));
        Assert.That(Run([entries[1], entries[0], .. entries[2..]], 7), Is.Not.EqualTo(checksums[0]));
        Assert.That(Run(entries, 7, static v => v == "39" ? "40" : v), Is.Not.EqualTo(checksums[0]));
    }

    [Test]
    public void A_session_that_is_not_used_ends_and_with_it_what_it_kept()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, new Proposal(ProposalKind.OpenSession, 0, 0, 0, default), new Proposal(ProposalKind.OpenSession, 0, 0, 0, default));
        var (idle, busy) = (BitConverter.ToUInt64(_answers[0].Answer.Payload.Span), BitConverter.ToUInt64(_answers[1].Answer.Payload.Span));
        Apply(store, 1, s_time, InSession(idle, 1, 1, "add n 1"));
        Apply(store, 2, s_time + Session.Lifetime, InSession(busy, 1, 1, "add n 1"));
        Apply(store, 3, s_time + Session.Lifetime + TimeSpan.FromSeconds(1), Report());
        Apply(store, 4, s_time, InSession(idle, 2, 2, "add n 1"), InSession(busy, 2, 2, "add n 1"));
        Assert.That(_answers[^2..].Select(a => a.Answer.Status), Is.EqualTo(new[] { ProposalStatus.SessionExpired, ProposalStatus.Applied }));
        using var snapshot = store.Snapshot();
        Assert.That(Registers.Get(snapshot, "n"), Is.EqualTo("3"));
        using var left = snapshot.Scan(StoreSpace.Runtime, RuntimeKeys.Session(0), RuntimeKeys.Session(busy));
        Assert.That(left.MoveNext(), Is.False);
    }

    [Test]
    public void Answers_are_kept_from_the_floor_on_however_far_it_jumps()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, new Proposal(ProposalKind.OpenSession, 0, 0, 0, default));
        var session = BitConverter.ToUInt64(_answers[0].Answer.Payload.Span);
        Apply(store, 1, s_time, InSession(session, 1, 1, "add n 1"), InSession(session, 4, 1, "add n 1"), InSession(session, 3, 2, "add n 1"), InSession(session, 4, 2, "add n 1"), InSession(session, 2, 2, "add n 1"));
        Assert.That(Texts(5), Is.EqualTo(new[] { "1", "2", "3", "2", "4" }), "one that is above others may come before them, and is answered again");
        Assert.That(Kept(), Is.EqualTo(new ulong[] { 0 }), "one page");
        Apply(store, 2, s_time, InSession(session, 1_000_000_000_000, 1_000_000_000_000, "add n 1"), InSession(session, 4, 4, "add n 1"));
        Assert.That(_answers[^2..].Select(a => a.Answer.Status), Is.EqualTo(new[] { ProposalStatus.Applied, ProposalStatus.AlreadyAnswered }));
        Assert.That(Kept(), Is.EqualTo(new[] { 1_000_000_000_000UL / 32 }));

        IEnumerable<string> Texts(int last) => _answers[^last..].Select(a => Encoding.UTF8.GetString(a.Answer.Payload.Span));

        List<ulong> Kept()
        {
            using var snapshot = store.Snapshot();
            using var cursor = snapshot.Scan(StoreSpace.Runtime, RuntimeKeys.AnswerPage(session, 0), RuntimeKeys.Session(session + 1));
            var kept = new List<ulong>();
            while (cursor.MoveNext()) kept.Add(BinaryPrimitives.ReadUInt64BigEndian(cursor.Key[9..]));
            return kept;
        }
    }

    [Test]
    public void Sessions_are_the_same_whether_their_commands_share_an_entry_or_not()
    {
        // More sessions than are kept at a time; commands out of order, repeated, and with floors that jump.
        const int sessions = 70;
        var random = new Random(1);
        var highest = new ulong[sessions];
        var proposals = new Proposal[1200];
        for (var i = 0; i < proposals.Length; i++)
        {
            var of = random.Next(3) == 0 ? random.Next(3) : random.Next(sessions);
            var sequence = (ulong)Math.Max(1, (long)highest[of] + random.Next(-2, 4));
            highest[of] = Math.Max(highest[of], sequence);
            proposals[i] = InSession((ulong)of + 1, sequence, (ulong)random.NextInt64(Math.Max(1, (long)sequence - 40), (long)sequence + 1), $"add n{of} 1");
        }

        var (together, apart) = (Run(400), Run(1));
        Assert.That(together.Answers, Is.EqualTo(apart.Answers));
        Assert.That(together.Contents, Is.EqualTo(apart.Contents));
        Assert.That(together.Answers.Distinct().Count(), Is.GreaterThan(20));

        (List<string> Answers, string Contents) Run(int commandsOfEntry)
        {
            var core = new RuntimeCore(new Registers(), 1, s_features);
            using var store = new MemoryStoreFactory().Open();
            var answers = new List<string>();
            var entries = new List<byte[]> { Batch(s_time, [.. Enumerable.Repeat(new Proposal(ProposalKind.OpenSession, 0, 0, 0, default), sessions)]) };
            foreach (var chunk in proposals.Chunk(commandsOfEntry)) entries.Add(Batch(s_time, chunk));
            for (var position = 0; position < entries.Count; position++)
            {
                using var transaction = store.Begin();
                Assert.That(core.Apply(transaction, position, entries[position], (_, _, answer) => answers.Add($"{answer.Status} {Encoding.UTF8.GetString(answer.Payload.Span)}")), Is.Null);
                core.Commit(transaction);
            }

            using var snapshot = store.Snapshot();
            var contents = string.Join(' ', snapshot.Pairs(StoreSpace.Runtime).Where(p => p.Key[0] != RuntimeKeys.Cursor[0]).Select(p => $"{Convert.ToHexString(p.Key)}={Convert.ToHexString(p.Value)}"));
            return (answers, contents);
        }
    }

    [Test]
    public void A_session_that_is_used_in_front_of_a_report_is_not_idle_at_the_report()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, new Proposal(ProposalKind.OpenSession, 0, 0, 0, default));
        var session = BitConverter.ToUInt64(_answers[0].Answer.Payload.Span);
        Apply(store, 1, s_time + (2 * Session.Lifetime), InSession(session, 1, 1, "add n 1"), Report(), InSession(session, 2, 1, "add n 1"));
        Assert.That((_answers[^3].Answer.Status, _answers[^1].Answer.Status), Is.EqualTo((ProposalStatus.Applied, ProposalStatus.Applied)));
    }

    [Test]
    public void Answers_are_found_again_whatever_their_length_and_forgotten_page_by_page()
    {
        using var store = _stores.Open();
        using (var transaction = store.Begin())
        {
            var session = new KeptSession(7, default);
            for (var number = 1UL; number <= 100; number++) session.AddAnswer(transaction, number, AnswerOf(number));
            session.WriteAnswers(transaction);
            transaction.Commit();
        }

        Assert.That(Enumerable.Range(1, 100).All(n => AnswerPage.Find(store.Snapshot(), 7, (ulong)n)!.AsSpan().SequenceEqual(AnswerOf((ulong)n))));
        Assert.That((AnswerPage.Find(store.Snapshot(), 7, 101), AnswerPage.Find(store.Snapshot(), 8, 1)), Is.EqualTo(((byte[]?)null, (byte[]?)null)));
        Forget(1, 70);
        Assert.That(Enumerable.Range(1, 63).Any(n => AnswerPage.Find(store.Snapshot(), 7, (ulong)n) is not null), Is.False);
        Assert.That(Enumerable.Range(70, 31).All(n => AnswerPage.Find(store.Snapshot(), 7, (ulong)n) is not null));
        Forget(70, ulong.MaxValue);
        using var left = store.Snapshot().Scan(StoreSpace.Runtime, RuntimeKeys.Session(7), RuntimeKeys.Session(8));
        Assert.That(left.MoveNext(), Is.False, "long ones as well");

        static byte[] AnswerOf(ulong number) => [.. Enumerable.Repeat((byte)number, number % 10 == 0 ? 1000 : (int)number % 7)];

        void Forget(ulong before, ulong floor)
        {
            using var transaction = store.Begin();
            AnswerPage.Forget(transaction, 7, new SessionRecord(before, 0, 100), floor);
            transaction.Commit();
        }
    }

    [Test]
    public void An_eviction_that_did_not_see_the_last_report_does_nothing()
    {
        using var store = _stores.Open();
        Apply(store, 0, s_time, Report());
        Apply(store, 1, s_time, Report());
        Apply(store, 2, s_time, Evict(1, 0));
        Assert.That(_answers[^1].Answer.Status, Is.EqualTo(ProposalStatus.Refused));
        Apply(store, 3, s_time, Evict(1, 1));
        Assert.That(_answers[^1].Answer.Status, Is.EqualTo(ProposalStatus.Applied));
    }

    [Test]
    public void What_only_a_newer_program_knows_is_no_poison()
    {
        using var store = _stores.Open();
        using var transaction = store.Begin();
        var newer = Batch(s_time, Command("set a 1"));
        newer[4] = 2;
        Assert.That(() => _core.Apply(transaction, 0, newer, Note), Throws.TypeOf<IncompatibleProgramException>());
        Assert.That(() => _core.Apply(transaction, 0, Batch(s_time, new Proposal((ProposalKind)99, 0, 0, 0, default)), Note), Throws.TypeOf<IncompatibleProgramException>());
    }

    [Test]
    public void A_state_machine_has_no_access_to_the_runtimes_own_space()
    {
        using var store = _stores.Open();
        using var transaction = store.Begin();
        Assert.That(_core.Apply(transaction, 0, Batch(s_time, Command("peek")), Note), Is.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void One_bad_replica_does_not_stop_a_good_one_that_has_not_heard_of_all()
    {
        var table = new ReplicaTable(1);
        using var store = _stores.Open();
        using var transaction = store.Begin();
        Report(table, transaction, 1, 10, -1, 0, checksum: 5);
        Report(table, transaction, 3, 11, 10, claim: 6, checksum: 7);
        Assert.That(table.IsDiverged(transaction), Is.False, "a tie, but nobody else has reported yet");
        Report(table, transaction, 2, 12, 10, claim: 5, checksum: 8);
        for (var position = 13; position < 20; position++) Report(table, transaction, 3, position, 10, claim: 6, checksum: 9);
        Assert.That(table.IsDiverged(transaction), Is.False, "one of three");
        Assert.That((table.AgreedUpTo, table.Disagreeing), Is.EqualTo((10, new ulong[] { 3 })));
        Report(table, transaction, 2, 20, 12, claim: 6, checksum: 10);
        Assert.That(table.IsDiverged(transaction), Is.True, "two of three");
        Assert.That(new ReplicaTable(4).IsDiverged(transaction), Is.False, "who does not count has no verdict");
    }

    [Test]
    public void In_a_lasting_tie_of_two_both_stop()
    {
        var table = new ReplicaTable(1);
        using var store = _stores.Open();
        using var transaction = store.Begin();
        Report(table, transaction, 1, 10, -1, 0, checksum: 5);
        var verdicts = new List<bool>();
        for (var position = 11; position < 15; position++)
        {
            Report(table, transaction, 2, position, 10, claim: 6, checksum: 7);
            verdicts.Add(table.IsDiverged(transaction));
        }

        Assert.That(verdicts, Is.EqualTo(new[] { false, false, true, true }));
    }

    [Test]
    public void Batches_are_read_as_they_were_written()
    {
        var batch = new ProposalBatch(7, 8, s_time, [Command("set a 1"), InSession(5, 4, 3, "x"), Report()]);
        var read = ProposalBatch.Decode(batch.Encode());
        Assert.That((read.Proposer, read.Number, read.Time), Is.EqualTo((7UL, 8UL, s_time)));
        Assert.That(read.Proposals.Select(p => (p.Kind, p.Session, p.Sequence, p.Floor, Convert.ToHexString(p.Payload.Span))), Is.EqualTo(batch.Proposals.Select(p => (p.Kind, p.Session, p.Sequence, p.Floor, Convert.ToHexString(p.Payload.Span)))));
    }

    [Test]
    public void Damaged_batches_are_refused_and_never_misread_out_of_bounds()
    {
        var random = new Random(4711);
        var good = Batch(s_time, Command("set a 1"), InSession(5, 4, 3, "x"), Report());
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = good.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var cut = bytes.AsMemory(0, random.Next(4) == 0 ? random.Next(bytes.Length + 1) : bytes.Length);
            try
            {
                if (!ProposalBatch.IsOne(cut.Span)) continue;
                var batch = ProposalBatch.Decode(cut);
                Assert.That(batch.Encode().AsSpan().SequenceEqual(cut.Span), "what is accepted is what was written");
                foreach (var proposal in batch.Proposals.Where(p => p.Kind == ProposalKind.Report)) ReplicaReport.Decode(proposal.Payload.Span);
            }
            catch (Exception e) when (e is InvalidDataException or IncompatibleProgramException)
            {
                // Refused.
            }
        }
    }

    private static ulong Run(IReadOnlyList<byte[]> entries, int batch, Func<string, string>? distort = null)
    {
        var machine = new Registers();
        if (distort is not null) machine.Distort = distort;
        var core = new RuntimeCore(machine, 1, s_features);
        using var store = new MemoryStoreFactory().Open();
        for (var position = 0; position < entries.Count; position += batch)
        {
            using var transaction = store.Begin();
            for (var i = position; i < Math.Min(entries.Count, position + batch); i++) Assert.That(core.Apply(transaction, i, entries[i], static (_, _, _) => { }), Is.Null);
            core.Commit(transaction);
        }

        return core.Cursor.Checksum;
    }

    [Test]
    [Category("Trap24")]
    public void Own_snapshots_free_the_log_when_two_replicas_keep_them_or_the_only_one()
    {
        Assert.Multiple(() =>
        {
            Assert.That(TrimPoint((100, false)), Is.EqualTo(100), "nobody else is there");
            Assert.That(TrimPoint((100, false), (-1, false)), Is.Zero);
            Assert.That(TrimPoint((100, false), (80, false)), Is.EqualTo(80));
            Assert.That(TrimPoint((100, false), (-1, false), (-1, false)), Is.Zero, "it may be gone without anybody knowing it yet");
            Assert.That(TrimPoint((100, false), (-1, false), (70, false), (60, false)), Is.EqualTo(70));
            Assert.That(TrimPoint((-1, true), (100, true), (-1, true)), Is.EqualTo(100), "where all reach it");
            Assert.That(TrimPoint((500, true), (500, true)), Is.EqualTo(200), "not beyond what is durable");
        });

        long TrimPoint(params (long Snapshot, bool IsShared)[] reports)
        {
            using var store = new MemoryStoreFactory().Open();
            using var transaction = store.Begin();
            var table = new ReplicaTable(1);
            for (var i = 0; i < reports.Length; i++) table.Apply(transaction, transaction, new ReplicaReport((ulong)i + 1, "r", 200, reports[i].Snapshot, reports[i].IsShared, -1, 0, []), i, 0);
            return ReplicaTable.TrimPoint(transaction);
        }
    }

    private static Proposal Command(string text) => new(ProposalKind.Command, 0, 0, 0, Registers.Bytes(text));

    private static Proposal InSession(ulong session, ulong sequence, ulong floor, string text) => new(ProposalKind.Command, session, sequence, floor, Registers.Bytes(text));

    private static Proposal Report() => new(ProposalKind.Report, 0, 0, 0, new ReplicaReport(1, "one", 0, -1, true, -1, 0, [new("f", 2)]).Encode());

    private static void Report(ReplicaTable table, IStoreTransaction transaction, ulong replica, long position, long claimAt, ulong claim, ulong checksum) =>
        table.Apply(transaction, transaction, new ReplicaReport(replica, $"r{replica}", 0, -1, true, claimAt, claim, []), position, checksum);

    private static Proposal Evict(ulong replica, long reportedAt) => new(ProposalKind.Evict, 0, 0, 0, (byte[])[.. BitConverter.GetBytes(replica), .. BitConverter.GetBytes(reportedAt)]);

    private static byte[] Batch(DateTimeOffset time, params Proposal[] proposals) => new ProposalBatch(1, 1, time, proposals).Encode();

    private void Note(ProposalBatch batch, int index, Answer answer) => _answers.Add((index, answer));

    private void Apply(ILocalStore store, long position, DateTimeOffset time, params Proposal[] proposals)
    {
        using var transaction = store.Begin();
        Assert.That(_core.Apply(transaction, position, Batch(time, proposals), Note), Is.Null);
        _core.Commit(transaction);
    }
}

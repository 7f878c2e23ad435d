using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>Right histories of tables are accepted, and each promise's breach is found: without that, what the tests of real processes find means nothing.</summary>
public sealed class TableHistoryCheckerTests
{
    private static readonly (string Name, string Kind, Action<TableHistoryBed> Plant)[] s_breaches =
    [
        ("A stale read", "not linearizable", b =>
        {
            var old = b.Register(1);
            b.PutAnswered(1, 10);
            b.Read(1, old);
        }),
        ("A read of what was never written", "from nowhere", b => b.Read(1, new RowRecord(b.NextVersion(), 1, 0, 10))),
        ("A read of another value than was written at its version", "not linearizable", b => b.Read(1, b.Register(1) with { Mark = 10 })),
        ("Two reads that see two writes in different orders", "not linearizable", b =>
        {
            var invoked = b.History.Now();
            var first = b.Register(1);
            var second = b.Put(1, 10);
            b.Read(1, b.Register(1));
            b.Read(1, first);
            b.History.Registers.Add(RegisterRecord.Written(1, invoked, b.History.Now(), 10, second));
        }),
        ("A write that was answered and is not there", "lost", b => b.History.Registers.Add(RegisterRecord.Written(1, b.History.Now(), b.History.Now(), 10, new OpResult(b.NextVersion(), b.Register(1).Version)))),
        ("A lost update: two writes that replaced the same", "lost update", b =>
        {
            var old = b.Register(1).Version;
            b.PutAnswered(1, 10, expected: old);
            var invoked = b.History.Now();
            var result = b.Put(1, 11);
            b.History.Registers.Add(RegisterRecord.Written(1, invoked, b.History.Now(), 11, result with { Former = old }, expected: old));
        }),
        ("A conditional write that passed over its condition", "condition", b =>
        {
            var old = b.Register(1).Version;
            b.PutAnswered(1, 10);
            b.PutAnswered(1, 11, expected: old);
        }),
        ("A write that was applied twice", "twice", b =>
        {
            b.PutAnswered(1, 10);
            b.PutAnswered(1, 11);
            b.Put(1, 10);
        }),
        ("A write that nobody made", "from nowhere", b => b.Put(1, 10)),
        ("A write that failed for certain, and is there", "refused", b =>
        {
            b.Put(1, 10);
            b.History.Registers.Add(RegisterRecord.NotWritten(1, b.History.Now(), b.History.Now(), 10));
        }),
        ("A write that was refused for its condition, and is there", "refused", b =>
        {
            var current = b.Register(1).Version;
            b.Put(1, 10);
            b.History.Registers.Add(RegisterRecord.Refused(1, b.History.Now(), b.History.Now(), 10, current, expected: RowVersion.None));
        }),
        ("A condition that held, and was refused", "refused", b => b.History.Registers.Add(RegisterRecord.Refused(1, b.History.Now(), b.History.Now(), 10, b.Register(1).Version, expected: b.Register(1).Version))),
        ("A write that was refused for a version that was replaced before", "not linearizable", b =>
        {
            var old = b.Register(1).Version;
            b.PutAnswered(1, 10);
            b.History.Registers.Add(RegisterRecord.Refused(1, b.History.Now(), b.History.Now(), 11, old, expected: RowVersion.None));
        }),
        ("A write without an answer that took effect before its call", "not linearizable", b =>
        {
            b.Put(1, 10);
            b.Read(1, b.Register(1));
            b.History.Registers.Add(RegisterRecord.MayBeWritten(1, b.History.Now(), 10));
        }),
        ("A transfer that happened twice", "twice", b =>
        {
            b.MoveAnswered(10, 1, 2, 5);
            b.Move(10, 1, 2, 5);
        }),
        ("A transfer without an answer that happened twice", "twice", b =>
        {
            b.Told(10, 1, 2, 5, [b.Account(1), b.Account(2)], null);
            b.Move(10, 1, 2, 5);
            b.Move(10, 1, 2, 5);
        }),
        ("A transfer that happened by halves", "by halves", b =>
        {
            b.MoveAnswered(10, 1, 2, 5);
            b.AccountChanges.RemoveAt(b.AccountChanges.Count - 1);
        }),
        ("A transfer that was answered and is not there", "lost", b => b.Told(10, 1, 2, 5, [b.Account(1), b.Account(2)], true)),
        ("A transfer that was refused, and is there", "refused", b =>
        {
            b.Told(10, 1, 2, 5, [b.Account(1), b.Account(2)], false);
            b.Move(10, 1, 2, 5);
        }),
        ("A transfer that nobody made", "from nowhere", b => b.Move(10, 1, 2, 5)),
        ("A transfer that overwrote another one's balance", "not serializable", b =>
        {
            AccountRead[] seen = [b.Account(1), b.Account(2)];
            b.MoveAnswered(10, 1, 3, 7);
            b.Told(11, 1, 2, 5, seen, true);
            b.Move(11, 1, 2, 5);
        }),
        ("Write skew: a transfer upon an account that had changed, which it only read", "not serializable", b =>
        {
            AccountRead[] seen = [b.Account(1), b.Account(2), b.Account(3)];
            b.MoveAnswered(10, 3, 4, 7);
            b.Told(11, 1, 2, 5, seen, true);
            b.Move(11, 1, 2, 5);
        }),
        ("A transfer of another amount", "wrong amount", b =>
        {
            b.Told(10, 1, 2, 5, [b.Account(1), b.Account(2)], true);
            b.Move(10, 1, 2, 6);
        }),
        ("A transfer at another place than was answered", "wrong version", b =>
        {
            AccountRead[] seen = [b.Account(1), b.Account(2)];
            var answered = b.NextVersion();
            b.Move(10, 1, 2, 5);
            b.History.Transfers.Add(new TransferRecord(10, 1, 2, 5, seen, b.History.Now(), b.History.Now(), true, answered));
        }),
        ("A transfer in front of one that was answered before it began", "real time", b =>
        {
            var earlier = b.NextVersion();
            b.PutAnswered(1, 10);
            b.Told(11, 1, 2, 5, [b.Account(1), b.Account(2)], true);
            b.Move(11, 1, 2, 5, at: earlier);
        }),
        ("A scan that saw money that is not there", "sum", b => b.Audit([b.Account(1) with { Balance = 101 }, b.Account(2), b.Account(3), b.Account(4)], b.NextVersion())),
        ("A scan that missed an account", "sum", b => b.Audit([b.Account(1), b.Account(2), b.Account(3)], b.NextVersion())),
        ("A scan of two moments", "not serializable", b =>
        {
            var before = b.Accounts;
            b.MoveAnswered(10, 1, 2, 5);
            b.MoveAnswered(11, 2, 1, 5);
            b.Audit([before[0], b.Account(2), b.Account(3), b.Account(4)], b.NextVersion());
        }),
        ("A scan that does not see what was answered before", "real time", b =>
        {
            var (before, version) = (b.Accounts, b.NextVersion());
            b.MoveAnswered(10, 1, 2, 5);
            b.Audit(before, version);
        }),
        ("A watch with a gap", "watch", b => b.Watch(true, c => c.RemoveAt(1))),
        ("A watch that shows a change twice", "watch", b => b.Watch(false, c => c.Insert(1, c[1]))),
        ("A watch out of order", "watch", b => b.Watch(false, c => c.Reverse())),
        ("A watch that misses the last change", "watch", b => b.Watch(true, c => c.RemoveAt(c.Count - 1))),
        ("Rows that are not what the changes made of them", "content", b => b.RegisterChanges.RemoveAll(c => c.Key == 4)),
    ];

    private static IEnumerable<TestCaseData> Breaches() => s_breaches.Select(b => new TestCaseData(b.Kind, b.Plant).SetName($"{b.Name} is found"));

    [TestCaseSource(nameof(Breaches))]
    public void A_breach_is_found(string kind, Delegate plant)
    {
        // Among much that is right.
        var bed = new TableHistoryBed();
        bed.PutAnswered(1, 100);
        bed.MoveAnswered(101, 2, 3, 4);
        ((Action<TableHistoryBed>)plant)(bed);
        bed.PutAnswered(1, 102);
        bed.MoveAnswered(103, 3, 1, 4);
        Assert.That(bed.Check(), Has.Some.StartsWith(kind + ":"));
    }

    /// <summary>Operations that overlap, of which each takes effect at some moment between its call and its answer, or, without one, at any later moment or never.</summary>
    [Test]
    public void Right_histories_are_accepted()
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            var (bed, random) = (new TableHistoryBed(), new Random(seed));
            var pending = new List<Pending>();
            for (var mark = 1L; mark <= 120 || pending.Count > 0; mark++)
            {
                if (mark <= 120 && pending.Count < 6) pending.Add(new Pending(bed, random, mark));
                var next = pending[random.Next(pending.Count)];
                if (next.Step()) pending.Remove(next);
            }

            bed.Watch(true);
            bed.Watch(false);
            Assert.That(bed.Check(), Is.Empty, $"seed {seed}");
        }
    }

    /// <summary>Is called, takes effect, returns.</summary>
    private sealed class Pending
    {
        private readonly TableHistoryBed _bed;
        private readonly long _mark;
        private readonly long _invoked;
        private readonly long _key;
        private readonly int _kind;
        private readonly bool _isAnswered;
        private readonly bool _happens;
        private Action? _answer;

        public Pending(TableHistoryBed bed, Random random, long mark)
        {
            (_bed, _mark, _key, _kind) = (bed, mark, random.Next(1, 5), random.Next(5));
            (_isAnswered, _happens) = (random.Next(4) > 0, random.Next(2) > 0);
            _invoked = bed.History.Now();
            if (_isAnswered) return;

            // Nobody ever learns what becomes of it.
            if (_kind is 0 or 1) bed.History.Registers.Add(RegisterRecord.MayBeWritten(_key, _invoked, mark));
        }

        /// <summary>True: it is over.</summary>
        public bool Step()
        {
            if (_answer is null && (_isAnswered || _happens || _kind > 1))
            {
                _answer = Happen();
                return !_isAnswered && _kind <= 2;
            }

            _answer?.Invoke();
            return true;
        }

        /// <summary>What is recorded when the answer comes.</summary>
        private Action Happen()
        {
            var (bed, history) = (_bed, _bed.History);
            switch (_kind)
            {
                case 0 or 1:
                    var register = bed.Register(_key);
                    if (_isAnswered && _kind == 1 && _happens) return () => history.Registers.Add(RegisterRecord.Refused(_key, _invoked, history.Now(), _mark, register.Version, RowVersion.None));
                    var result = bed.Put(_key, _mark);
                    return () => history.Registers.Add(RegisterRecord.Written(_key, _invoked, history.Now(), _mark, result, _kind == 1 ? register.Version : null));
                case 2:
                    var (to, seen) = (_key % 4 + 1, bed.Accounts);
                    var version = bed.Move(_mark, _key, to, 3);
                    if (!_isAnswered) history.Transfers.Add(new TransferRecord(_mark, _key, to, 3, seen, _invoked, null, null, null));
                    return () => history.Transfers.Add(new TransferRecord(_mark, _key, to, 3, seen, _invoked, history.Now(), true, version));
                case 3:
                    var (accounts, snapshot) = (bed.Accounts, bed.NextVersion());
                    return () => history.Audits.Add(new AuditRecord(_invoked, history.Now(), snapshot, accounts));
                default:
                    var read = bed.Register(_key);
                    return () => history.Registers.Add(RegisterRecord.Read(_key, _invoked, history.Now(), read.Mark, read.Version));
            }
        }
    }
}

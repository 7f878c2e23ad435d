using Delos.Daemon.Tables;
using Delos.LocalStorage;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tests.TableService;

/// <summary>States that a table node holds for scans and transactions.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ViewTableTests
{
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(30);

    private readonly ViewTable _views = new(most: 8, s_idle);
    private readonly List<CountedSnapshot> _made = [];

    [TearDown]
    public void NothingIsLeaked()
    {
        _views.Clear();
        Assert.That(_made.Select(static s => s.Disposed), Is.All.EqualTo(1));
        _made.Clear();
    }

    [Test]
    public void A_view_is_there_until_every_hold_on_it_was_released()
    {
        var (id, first) = HoldAs(1, 10, 0);
        var (_, second) = HoldAs(1, 10, 0);
        Assert.That((first != 0, second != 0, first == second), Is.EqualTo((true, true, false)));
        _views.Release(first);
        Assert.That(IsThere(id), Is.True);
        _views.Release(second);
        Assert.That((IsThere(id), _views.Count), Is.EqualTo((false, 0)));
        _views.Release(second);
    }

    [Test]
    public void A_hold_that_is_released_twice_does_not_end_another_scans()
    {
        var (id, ended) = HoldAs(1, 10, 0);
        var (_, other) = HoldAs(1, 10, 0);
        _views.Release(ended);
        _views.Release(ended);
        Assert.That(IsThere(id), Is.True);

        // Nor, when its view is gone and there anew, the present one's.
        _views.Release(other);
        HoldAs(1, 10, 0);
        _views.Release(other);
        _views.Release(ended);
        Assert.That((IsThere(id), _views.Count), Is.EqualTo((true, 1)));
    }

    [Test]
    public void Who_never_releases_gets_a_bounded_number_of_holds_on_a_state()
    {
        var (id, first) = HoldAs(1, 10, 0);
        for (var i = 1; i < ViewTable.MostHoldsOfView; i++) Assert.That(HoldAs(1, 10, 0).Hold, Is.Not.Zero);
        Assert.That(HoldAs(1, 10, 0).Hold, Is.Zero);
        Assert.That(HoldAs(2, 10, 0).Hold, Is.Not.Zero, "another connection");
        _views.Release(first);
        Assert.That((IsThere(id), HoldAs(1, 10, 0).Hold != 0), Is.EqualTo((true, true)));
    }

    [Test]
    public void Once_closed_nothing_is_held_any_more()
    {
        var (id, hold) = HoldAs(1, 10, 0);
        _views.Close();
        Assert.That((_made[0].Disposed, IsThere(id), _views.Count), Is.EqualTo((1, false, 0)));

        // Who still had a query under way would keep the store from being closed.
        Assert.That((HoldAs(1, 11, 0).Hold, _made[1].Disposed, _views.Count), Is.EqualTo((0UL, 1, 0)));
        _views.Release(hold);
    }

    [Test]
    public void A_view_in_use_outlives_its_release()
    {
        var (id, hold) = HoldAs(1, 10, 0);
        var used = _views.Use(id, TimeSpan.Zero)!;
        _views.Release(hold);
        Assert.That(_made[0].Disposed, Is.Zero);
        used.Release();
        Assert.That(_made[0].Disposed, Is.EqualTo(1));
    }

    [Test]
    public void Use_renews_and_rest_ends_it()
    {
        var (kept, rested) = (Hold(1, 10, 0), Hold(1, 11, 0));
        Assert.That(IsThere(kept, 20), Is.True);
        _views.Expire(TimeSpan.FromSeconds(31));
        Assert.That((IsThere(kept, 31), IsThere(rested, 31)), Is.EqualTo((true, false)));
    }

    [Test]
    public void A_connection_that_holds_too_many_loses_its_own_oldest()
    {
        var other = Hold(2, 5, 0);
        var first = Hold(1, 10, 1);
        var second = Hold(1, 11, 2);
        var third = Hold(1, 12, 3);
        Assert.That((IsThere(other), IsThere(first), IsThere(second), IsThere(third)), Is.EqualTo((true, false, true, true)));
    }

    [Test]
    public void When_there_is_no_room_who_holds_most_loses_one()
    {
        var views = new ViewTable(most: 12, s_idle);
        var greedy = Enumerable.Range(0, 3).Select(i => Hold(views, 1, 100 + i, i)).ToList();
        var modest = Enumerable.Range(2, 9).Select(c => Hold(views, c, c, 10)).ToList();
        Hold(views, 50, 200, 20);
        Assert.That(greedy.Select(id => IsThere(views, id)), Is.EqualTo(new[] { false, true, true }));
        Assert.That(modest.Select(id => IsThere(views, id)), Is.All.True);
        views.Clear();
    }

    [Test]
    public void One_state_that_two_connections_hold_is_there_until_both_let_go()
    {
        var (id, first) = HoldAs(1, 10, 0);
        var (_, second) = HoldAs(2, 10, 0);
        _views.Release(first);
        Assert.That((IsThere(id), _views.Count), Is.EqualTo((true, 1)));
        _views.Release(second);
        Assert.That(IsThere(id), Is.False);
    }

    private bool IsThere(SnapshotId id, int second = 0) => IsThere(_views, id, second);

    private static bool IsThere(ViewTable views, SnapshotId id, int second = 0)
    {
        if (views.Use(id, TimeSpan.FromSeconds(second)) is not { } found) return false;
        found.Release();
        return true;
    }

    private SnapshotId Hold(long connection, long position, int second) => Hold(_views, connection, position, second);

    private SnapshotId Hold(ViewTable views, long connection, long position, int second) => HoldAs(views, connection, position, second).View;

    private (SnapshotId View, ulong Hold) HoldAs(long connection, long position, int second) => HoldAs(_views, connection, position, second);

    private (SnapshotId View, ulong Hold) HoldAs(ViewTable views, long connection, long position, int second)
    {
        var store = new CountedSnapshot(position);
        _made.Add(store);
        var shared = new SharedSnapshot(store);
        var hold = views.Hold(connection, shared, TimeSpan.FromSeconds(second));
        shared.Release();
        return (shared.Id, hold);
    }

    /// <summary>A state of the tables at a position, which counts its disposals.</summary>
    private sealed class CountedSnapshot : IStoreSnapshot
    {
        private readonly IStoreSnapshot _inner;

        public CountedSnapshot(long position)
        {
            var store = new MemoryStoreFactory().Open();
            using (var transaction = store.Begin())
            {
                Delos.Tables.TableClock.Write(transaction, new SnapshotId(new RowVersion(position, 0), position));
                transaction.Commit();
            }

            _inner = store.Snapshot();
        }

        public int Disposed { get; private set; }

        public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => _inner.Get(space, key);

        public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => _inner.Scan(space, from, to, reverse);

        public void Dispose()
        {
            Disposed++;
            _inner.Dispose();
        }
    }
}

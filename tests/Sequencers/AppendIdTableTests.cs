using Delos.Daemon.Sequencers;

namespace Delos.Tests.Sequencers;

public class AppendIdTableTests
{
    [Test]
    public void Assigned_positions_are_found_again_and_others_are_not()
    {
        var ids = new ClientIds(1, 5);
        ids.Record(6, 3, 100);
        Assert.That(ids.PositionOf(5), Is.EqualTo(-1));
        Assert.That(ids.PositionOf(6), Is.EqualTo(100));
        Assert.That(ids.PositionOf(8), Is.EqualTo(102));
        Assert.That(ids.PositionOf(9), Is.EqualTo(-1));
        Assert.That(ids.PositionOf(6 + ClientIds.InitialSlots), Is.EqualTo(-1), "one turn of the ring later");
    }

    [Test]
    public void Mixed_ranges_are_split_at_what_is_known()
    {
        var ids = new ClientIds(1, 0);
        ids.Record(3, 2, 10);
        ids.Record(5, 1, 40);
        Assert.That(ids.CountUnknown(0, 8), Is.EqualTo(3));
        Assert.That(ids.CountUnknown(3, 5), Is.EqualTo(0));
        Assert.That(ids.CountKnown(3, 5, out var position), Is.EqualTo(2));
        Assert.That(position, Is.EqualTo(10));
        Assert.That(ids.CountKnown(5, 3, out position), Is.EqualTo(1));
        Assert.That(position, Is.EqualTo(40));
        Assert.That(ids.CountUnknown(6, 2), Is.EqualTo(2));
    }

    [Test, Category("Trap17")]
    public void Refused_sequences_are_remembered_and_never_joined_with_assigned_ones()
    {
        var ids = new ClientIds(1, 0);
        ids.Record(1, 2, 0);
        ids.RecordRefused(3, 2);
        ids.Record(5, 1, 2);
        Assert.That(ids.CountUnknown(0, 8), Is.EqualTo(1));
        Assert.That(ids.CountKnown(1, 7, out var position), Is.EqualTo(2));
        Assert.That(position, Is.EqualTo(0));
        Assert.That(ids.CountKnown(3, 5, out position), Is.EqualTo(2));
        Assert.That(position, Is.EqualTo(ClientIds.Refused));
        Assert.That(ids.CountKnown(5, 3, out position), Is.EqualTo(1));
        ids.Grow(64);
        Assert.That(ids.PositionOf(4), Is.EqualTo(ClientIds.Refused));
        ids.RaiseFloor(4);
        Assert.That(ids.CountUnknown(4, 1), Is.EqualTo(0));
        ids.RaiseFloor(5);
        Assert.That(ids.PositionOf(4), Is.EqualTo(ClientIds.Unknown));
    }

    [Test]
    public void The_floor_only_rises()
    {
        var ids = new ClientIds(1, 5);
        ids.RaiseFloor(3);
        Assert.That(ids.Floor, Is.EqualTo(5));
        ids.RaiseFloor(9);
        Assert.That(ids.Floor, Is.EqualTo(9));
    }

    [Test]
    public void What_is_known_above_the_floor_survives_its_rise_and_the_growth_of_the_ring([Range(0, 40, 5)] int rise)
    {
        var table = new AppendIdTable(new SequencerOptions());
        var ids = table.FindOrAdd(1, 0)!;
        for (ulong sequence = 0; sequence < 40; sequence++)
        {
            Assert.That(table.Reserve(ids, sequence), Is.EqualTo(IdRoom.Enough));
            ids.Record(sequence, 1, 1000 + (long)sequence * 2);
        }

        ids.RaiseFloor((ulong)rise);
        for (var sequence = (ulong)rise; sequence < 40; sequence++) Assert.That(ids.PositionOf(sequence), Is.EqualTo(1000 + (long)sequence * 2));
        Assert.That(table.Reserve(ids, (ulong)rise + 500), Is.EqualTo(IdRoom.Enough));
        for (var sequence = (ulong)rise; sequence < 40; sequence++) Assert.That(ids.PositionOf(sequence), Is.EqualTo(1000 + (long)sequence * 2));
        for (var sequence = 40ul; sequence < (ulong)rise + 500; sequence++) Assert.That(ids.PositionOf(sequence), Is.EqualTo(-1));
    }

    [Test]
    public void A_client_may_not_run_further_ahead_of_its_floor_than_the_window()
    {
        var table = new AppendIdTable(new SequencerOptions { MaxClientWindow = 64 });
        var ids = table.FindOrAdd(1, 10)!;
        Assert.That(table.Reserve(ids, 73), Is.EqualTo(IdRoom.Enough));
        Assert.That(table.Reserve(ids, 74), Is.EqualTo(IdRoom.WindowExceeded));
        ids.RaiseFloor(11);
        Assert.That(table.Reserve(ids, 74), Is.EqualTo(IdRoom.Enough));
    }

    [Test]
    public void The_table_forgets_nobody_and_says_when_it_is_full()
    {
        var table = new AppendIdTable(new SequencerOptions { MaxClients = 2 });
        Assert.That(table.FindOrAdd(1, 3), Is.Not.Null);
        Assert.That(table.FindOrAdd(2, 3), Is.Not.Null);
        Assert.That(table.FindOrAdd(3, 3), Is.Null);
        Assert.That(table.FindOrAdd(1, 0)!.Floor, Is.EqualTo(3));
    }

    [Test]
    public void Remembered_ids_are_bounded_over_all_clients()
    {
        var table = new AppendIdTable(new SequencerOptions { MaxRememberedIds = 100 });
        var first = table.FindOrAdd(1, 0)!;
        var second = table.FindOrAdd(2, 0)!;
        Assert.That(table.Reserve(first, 63), Is.EqualTo(IdRoom.Enough));
        Assert.That(table.Reserve(second, 31), Is.EqualTo(IdRoom.Enough));
        Assert.That(table.Reserve(second, 32), Is.EqualTo(IdRoom.TableFull));
        Assert.That(table.Slots, Is.EqualTo(96));
    }

    [Test]
    public void Sequences_near_the_end_of_their_range_do_not_confuse_the_ring()
    {
        var ids = new ClientIds(1, ulong.MaxValue - 3);
        ids.Record(ulong.MaxValue - 2, 2, 5);
        Assert.That(ids.PositionOf(ulong.MaxValue - 1), Is.EqualTo(6));
        Assert.That(ids.PositionOf(0), Is.EqualTo(-1));
    }
}

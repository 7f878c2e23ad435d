using System.Text;
using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>What goes through the log and over the wire: read as written, and whatever the bytes are, never an exception.</summary>
public sealed class TableCodecTests
{
    private const double Share = 1.0 / 6;

    [Test]
    public void Commands_are_read_as_written_and_mutants_refused() => Run("table command", r => TableCommandCodec.Encode(TableMessages.Command(r)), b => TableCommandCodec.Decode(b, out _) is { } c ? TableCommandCodec.Encode(c) : null);

    [Test]
    public void Queries_are_read_as_written_and_mutants_refused() => Run("table query", r => TableQueryCodec.Encode(TableMessages.Query(r)), b => TableQueryCodec.Decode(b, out _) is { } q ? TableQueryCodec.Encode(q) : null);

    [Test]
    public void Answers_to_commands_are_read_as_written_and_mutants_refused() => Run("table answer", r => TableMessages.Reply(r).Encode(), b => TableReply.Decode(b)?.Encode());

    [Test]
    public void Answers_to_queries_are_read_as_written_and_mutants_refused() => Run("query answer", r => QueryReplyCodec.Encode(TableMessages.QueryReply(r)), b => QueryReplyCodec.Decode(b) is { } reply ? QueryReplyCodec.Encode(reply) : null);

    [Test]
    public void Schemas_are_read_as_written_and_mutants_refused() => Run("table schema", r => SchemaCodec.Encode(TableMessages.Schema(r)), b => SchemaCodec.Decode(b) is { } schema ? SchemaCodec.Encode(schema) : null);

    [Test]
    public void Paging_tokens_are_read_as_written_and_mutants_refused() => Run("paging token", r => TableMessages.Token(r).Encode(), b => PageToken.Decode(b)?.Encode());

    [Test]
    public void Names_keep_their_numbers_however_many_there_are([Values(1, 8, 9, 10, 300)] int names)
    {
        var row = Row.Create([.. Enumerable.Range(0, names).Select(i => new Cell($"c{i % ((names + 1) / 2)}", CellValue.Of((long)i)))]);
        var written = TableCommandCodec.Encode(new Transact([TableOp.Put("t", row, default), TableOp.Put("c0", row, default)]));
        var read = (Transact)TableCommandCodec.Decode(written, out _)!;
        Assert.That(read.Ops.Select(static o => o.Table), Is.EqualTo(new[] { "t", "c0" }));
        Assert.That(read.Ops.Select(static o => o.Row), Is.All.EqualTo(row));
    }

    [Test]
    public void What_a_caller_s_list_does_while_it_is_enumerated_does_not_disturb_its_bytes()
    {
        TableOp[] ops = [TableOp.Put("t", Row.Of(("a", 1L)), default), TableOp.Put("u", Row.Of(("b", 2L)), default)];
        IReadOnlyList<CellValue>[] keys = [[1L], [2L]];
        var (command, query) = (TableCommandCodec.Encode(new Transact(ops)), TableQueryCodec.Encode(new GetRows("t", keys)));
        Assert.That(TableCommandCodec.Encode(new Transact(new BusyList<TableOp>(ops))).AsSpan().SequenceEqual(command));
        Assert.That(TableQueryCodec.Encode(new GetRows("t", new BusyList<IReadOnlyList<CellValue>>(keys))).AsSpan().SequenceEqual(query));
    }

    [Test]
    public void Bytes_of_a_later_version_are_told_from_no_command_at_all()
    {
        Assert.That(TableCommandCodec.Decode([2, 1, 0], out var later), Is.Null);
        Assert.That(TableCommandCodec.Decode([1, 99, 0], out var unknown), Is.Null);
        Assert.That(TableCommandCodec.Decode([1, 8], out var cut), Is.Null);
        Assert.That(TableCommandCodec.Decode([], out var empty), Is.Null);
        Assert.That((later, unknown, cut, empty), Is.EqualTo((TableStatus.UnsupportedCommand, TableStatus.UnsupportedCommand, TableStatus.Malformed, TableStatus.Malformed)));
        Assert.That(TableQueryCodec.Decode([7, 1], out var laterQuery), Is.Null);
        Assert.That(laterQuery, Is.EqualTo(TableStatus.UnsupportedCommand));
    }

    [Test]
    public void A_page_of_rows_takes_its_room_from_the_pool_and_small_answers_take_none()
    {
        var value = CellValue.Of(new byte[100]);
        var (small, large) = (Answer(1), Answer(2_000));
        var (smallBytes, largeBytes) = (QueryReplyCodec.Encode(small), QueryReplyCodec.Encode(large));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Encode(large, largeBytes);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 << 10), $"of {largeBytes.Length}");
        Encode(small, smallBytes);
        before = GC.GetAllocatedBytesForCurrentThread();
        Encode(small, smallBytes);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(400));

        QueryReply Answer(int rows) => new(TableStatus.Ok, "", SnapshotId.Empty, new RowsResult(1, 1, ["id", "value"], [.. Enumerable.Range(0, rows).Select(i => new FoundRow([CellValue.Of((long)i), value], RowVersion.None, null))], [], null));

        static void Encode(QueryReply reply, byte[] expected)
        {
            using var encoded = QueryReplyCodec.EncodeInPlace(reply);
            if (!encoded.Bytes.Span.SequenceEqual(expected)) Assert.Fail("Other bytes.");
        }
    }

    [TestCase(2)]
    [TestCase(40)]
    public void A_name_that_is_listed_twice_makes_no_command(int columns)
    {
        var row = Row.Empty;
        for (var i = 0; i < columns; i++) row = row.With($"c{i:D2}", i);
        var bytes = TableCommandCodec.Encode(new Transact(TableOp.Put("t", row)));
        Assert.That(TableCommandCodec.Decode(bytes, out _), Is.Not.Null);
        "c00"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes($"c{columns - 1:D2}"))));
        Assert.That((TableCommandCodec.Decode(bytes, out var status), status), Is.EqualTo(((TableCommand?)null, TableStatus.Malformed)));
    }

    [Test]
    public void The_state_machine_answers_whatever_the_bytes_are() => Fuzz.Run("state machine", 3_000, round =>
    {
        using var bed = new TableBed();
        bed.Apply(new CreateTable("t", [new("id", ColumnType.Int64), new("a", ColumnType.String, true)], ["id"], [new("a", ["a"])], TableSettings.Default));
        var buffer = new byte[64 << 10];
        byte[] former = [1];
        for (var i = 0; i < 20; i++)
        {
            var command = TableCommandCodec.Encode(TableMessages.Command(round.Random));
            command.CopyTo(buffer, 0);
            var mutant = round.Random.OneIn(2) ? command : buffer[..Mutator.Mutate(round.Random, buffer, command.Length, former)];
            bed.ApplyBytes(mutant);
            var query = TableQueryCodec.Encode(TableMessages.Query(round.Random));
            using var snapshot = bed.Store.Snapshot();
            FuzzRound.Check(QueryReplyCodec.Decode(bed.Queries.Execute(snapshot, query)) is not null, "no answer", query);
            former = command;
        }

        return 20;
    }, Share);

    private static void Run(string name, Func<FuzzRandom, byte[]> make, Func<byte[], byte[]?> reencode)
    {
        var codec = new CodecFuzz(name, make, reencode);
        Fuzz.Run(name, 40_000, codec.Run, Share);
    }

    /// <summary>Encodes other things whenever it is asked for something.</summary>
    private sealed class BusyList<T>(IReadOnlyList<T> items) : IReadOnlyList<T>
    {
        public int Count => items.Count;

        public T this[int index] => items[index];

        public IEnumerator<T> GetEnumerator()
        {
            foreach (var item in items)
            {
                _ = TableCommandCodec.Encode(new Transact([TableOp.Put("other", Row.Of(("x", 3L), ("y", 4L)), default)]));
                _ = TableQueryCodec.Encode(new GetRows("other", [[5L]]));
                yield return item;
            }
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}

using System.Diagnostics;
using System.Globalization;
using Delos.Client.Tables;
using Delos.Protocol.Tables;
using Delos.Tests.Nemesis;

namespace Delos.Tests.Processes;

/// <summary><c>delosd table import</c>, <c>export</c> and <c>txn</c> on a cluster of real processes.</summary>
public sealed class TableFilesTests : TableFixture
{
    private string PathOf(string file) => Path.Combine(WorkDirectory, file);

    [TestCase("csv")]
    [TestCase("jsonl")]
    public async Task What_was_exported_is_imported_as_it_was(string format)
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        ColumnDefinition[] columns = [new("id", ColumnType.Int64), new("s", ColumnType.String, Nullable: true), new("d", ColumnType.Double, Nullable: true), new("b", ColumnType.Bytes, Nullable: true), new("f", ColumnType.Bool, Nullable: true), new("t", ColumnType.Timestamp, Nullable: true)];
        foreach (var name in new[] { "there", "back" }) await tables.CreateTableAsync(new CreateTable(name, columns, "id"));
        Row[] rows =
        [
            Row.Of(("id", 1L), ("s", "plain"), ("d", 1.5), ("b", new byte[] { 0, 255 }), ("f", true), ("t", CellValue.Timestamp(1_700_000_000_123_456))),
            Row.Of(("id", 2L), ("s", ""), ("d", double.NaN), ("b", Array.Empty<byte>()), ("f", false), ("t", CellValue.Timestamp(-1))),
            Row.Of(("id", 3L), ("s", "comma, \"quote\"\r\nline ä😀"), ("d", -0.0), ("b", CellValue.Null), ("f", CellValue.Null), ("t", CellValue.Null)),
            Row.Of(("id", 4L), ("s", CellValue.Null), ("d", CellValue.Null), ("b", CellValue.Null), ("f", CellValue.Null), ("t", CellValue.Null)),
            Row.Of(("id", 5L), ("s", "\\N"), ("d", 1e300), ("b", new byte[] { 34, 44, 10 }), ("f", true), ("t", CellValue.Timestamp(0))),
            Row.Of(("id", 6L), ("s", "null"), ("d", double.NegativeInfinity), ("b", CellValue.Null), ("f", true), ("t", CellValue.Timestamp(long.MaxValue))),
            Row.Of(("id", 7L), ("s", "x"), ("d", double.Epsilon), ("b", CellValue.Null), ("f", true), ("t", CellValue.Timestamp(long.MinValue))),
        ];
        await tables.WriteAsync([.. rows.Select(r => TableOp.Put("there", r))]);
        var runs = new CommandRuns(Cluster, "table");
        Assert.That(await runs.RunAsync("export", "there", PathOf($"rows.{format}")), Is.EqualTo("exported 7 rows\n"));
        Assert.That(await runs.RunAsync("import", "back", PathOf($"rows.{format}")), Does.StartWith("imported 7 rows"));
        var back = (await ListAsync(tables.Table("back").ScanAsync())).ConvertAll(static r => r.Values);
        Assert.That(back, Is.EqualTo((await ListAsync(tables.Table("there").ScanAsync())).ConvertAll(static r => r.Values)));
        Assert.That(back, Has.Count.EqualTo(7));
        Assert.That(File.Exists(PathOf($"rows.{format}.back.import")), Is.False, "done");

        // A pipe stays one.
        await Shell.RunAsync("mkfifo", PathOf($"pipe.{format}"));
        var piped = Task.Run(() => File.ReadAllText(PathOf($"pipe.{format}")));
        await runs.RunAsync("export", "there", PathOf($"pipe.{format}"));
        Assert.That(await piped, Is.EqualTo(await File.ReadAllTextAsync(PathOf($"rows.{format}"))));
    }

    [Test]
    public async Task An_interrupted_import_goes_on_where_it_was_and_all_replicas_are_equal()
    {
        const int total = 60_000;
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);

        // Keys come again: what stands further down must win, whatever was under way together.
        var file = PathOf("users.csv");
        var lines = Enumerable.Range(0, total).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 50_000},name {i % 50_000},{i}"));
        await File.WriteAllLinesAsync(file, ["id,name,age", .. lines]);
        string[] import = ["table", "import", "users", file, "--endpoints", Cluster.Endpoints];
        using (var interrupted = Process.Start(new ProcessStartInfo(Cluster.Executable, import) { RedirectStandardError = true }) ?? throw new InvalidOperationException("no process"))
        {
            await UntilAsync(async () => (await tables.Table("users").DescribeAsync()).Rows > 2000 || interrupted.HasExited, "some rows are in");
            Signal(interrupted.Id, "INT");
            var said = await interrupted.StandardError.ReadToEndAsync();
            await interrupted.WaitForExitAsync();
            Assert.That((interrupted.ExitCode, said), Is.EqualTo((1, said)), "it was faster than the signal; make the file larger");
            Assert.That(said, Does.Contain("rows are in; run the same command again").And.Contain("interrupted"));
        }

        var before = (await tables.Table("users").DescribeAsync()).Rows;
        Assert.That(before, Is.LessThan(50_000));
        var (code, output, error) = await Shell.TryAsync(Cluster.Executable, [.. import, "-o", "json"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("goes on behind row"));
        Assert.That(output, Does.Contain($"\"rows\":{total}"));
        Assert.That((await tables.Table("users").DescribeAsync()).Rows, Is.EqualTo(50_000));
        Assert.That((await tables.Table("users").GetAsync([9_999L]))!["age"].AsInt64(), Is.EqualTo(59_999));
        Assert.That((await tables.Table("users").GetAsync([10_000L]))!["age"].AsInt64(), Is.EqualTo(10_000));
        await EqualAsync(client, 1, 2, 3);
    }

    [Test]
    public async Task A_batch_that_is_refused_is_not_passed_over_by_those_behind_it()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);

        // Batches have 500 rows; of sixteen that are under way together the third one has a row that is refused.
        await tables.Table("users").PutAsync(Row.Of(("id", 1_000_000L), ("mail", "m1234")));
        var file = PathOf("mails.csv");
        await File.WriteAllLinesAsync(file, ["id,mail", .. Enumerable.Range(0, 8000).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i},m{i}"))]);
        var (code, _, error) = await Shell.TryAsync(Cluster.Executable, ["table", "import", "users", file, "--endpoints", Cluster.Endpoints]);
        Assert.That(code, Is.EqualTo(6), error);
        Assert.That(error, Does.Contain("delosd: 1000 rows are in"));
        await tables.Table("users").DeleteAsync([1_000_000L]);
        Assert.That(await new CommandRuns(Cluster, "table").RunAsync("import", "users", file), Does.StartWith("imported 7000 rows"));
        Assert.That((await tables.Table("users").DescribeAsync()).Rows, Is.EqualTo(8000));
    }

    [Test]
    public async Task A_file_that_makes_no_sense_names_the_line_and_what_was_right_before_is_in()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        var runs = new CommandRuns(Cluster, "table");
        foreach (var (name, text, wanted) in new[]
        {
            ("type.csv", "id,age\n1,2\n2,old\n", "line 3: column 'age': 'old' is no int64"),
            ("column.csv", "id,size\n1,2\n", "has no column 'size'; it has id, name, age, mail"),
            ("twice.csv", "id,id\n1,2\n", "named twice"),
            ("count.csv", "id,age\n1,2,3\n", "line 2"),
            ("quote.csv", "id,name\n1,\"open\n", "line 2"),
            ("empty.csv", "", "the file is empty"),
            ("utf8.csv", "id,name\n1,\u00ff\n", "line 2: column 'name': this is no UTF-8"),
            ("type.jsonl", "{\"id\":11}\n{\"id\":\"x\"}\n", "line 2: column 'id': x is no int64"),
            ("json.jsonl", "{\"id\":1}\n{\"id\":\n", "line 2"), ("twice.jsonl", "{\"id\":1,\"id\":2}\n", "line 1: a column is named twice"), ("half.jsonl", "{\"id\":1,\"name\":\"\\ud800\"}\n", "line 1"),
            ("array.jsonl", "[1]\n", "line 1: this is no JSON object"),
        })
        {
            // Latin-1, so that one of them is no UTF-8.
            await File.WriteAllTextAsync(PathOf(name), text, System.Text.Encoding.Latin1);
            var (code, _, error) = await Shell.TryAsync(Cluster.Executable, ["table", "import", "users", PathOf(name), "--endpoints", Cluster.Endpoints]);
            Assert.That(code, Is.Not.Zero, name);
            Assert.That(error, Does.Contain(wanted), name);
        }

        Assert.That((await ListAsync(tables.Table("users").ScanAsync())).Select(static r => r["id"].AsInt64()), Is.EqualTo(new[] { 1L, 11 }), "rows in front of the wrong ones");
        await File.WriteAllTextAsync(PathOf("type.csv"), "id,age\n1,2\n2,3\n");
        Assert.That(await runs.FailsAsync("import", "users", PathOf("type.csv")), Is.EqualTo(6), "the file has changed");
        Assert.That(await runs.RunAsync("import", "users", PathOf("type.csv"), "--restart"), Does.StartWith("imported 2 rows"));
    }

    [Test]
    public async Task A_transaction_does_all_or_nothing()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        var runs = new CommandRuns(Cluster, "table");
        var version = (await runs.RunAsync("txn", "put users id=1 \"name=Ann \\\"A\\\" Lee\" age=10", "insert users id=2 name=Bob age=20")).Trim();
        Assert.That((await tables.Table("users").GetAsync([1L]))!["name"].AsString(), Is.EqualTo("Ann \"A\" Lee"));
        Assert.That((await tables.Table("users").GetAsync([2L]))!.Version.ToString(), Is.EqualTo(version));
        await runs.RunAsync("txn", $"update users id=1 age=5 if age=10 version={version}", "update users id=2 age=25 if age>=20", "check users id=3 if absent");
        Assert.That(await AgesAsync(), Is.EqualTo(new[] { 5L, 25 }));

        // Refused, for a reason each; nothing of them happens.
        foreach (var (code, operation) in new (int Code, string Operation)[]
        {
            (6, "update users id=2 age=0 if age=20"), (6, $"delete users id=2 if version={version}"), (6, "insert users id=2"), (5, "update users id=9 age=1"), (6, "check users id=2 if absent"), (5, "put nothing id=1"), (5, "put users id=3 size=1"),
            (2, "put users id=x"), (2, "drop users"), (2, "check users id=2"), (2, "delete users id=2 age=25"), (2, "update users age=1"), (2, "put users \"id=3"), (2, "delete users id=2 if"), (2, "put"),
        })
        {
            Assert.That(await runs.FailsAsync("txn", "put users id=1 age=100", operation), Is.EqualTo(code), operation);
        }

        Assert.That(await AgesAsync(), Is.EqualTo(new[] { 5L, 25 }));
        Assert.That(await runs.RunAsync("txn", "delete users id=2", "-o", "json"), Does.Contain("\"version\":\"none\""));
        Assert.That(await AgesAsync(), Is.EqualTo(new[] { 5L }));

        // What it printed of that row, a condition takes.
        await runs.RunAsync("txn", "put users id=2 age=7 if version=none");
        Assert.That(await runs.FailsAsync("txn", "put users id=2 age=8 if version=none"), Is.EqualTo(6));
        Assert.That(await AgesAsync(), Is.EqualTo(new[] { 5L, 7 }));

        async Task<IEnumerable<long>> AgesAsync() => (await ListAsync(tables.Table("users").ScanAsync())).Select(static r => r["age"].AsInt64());
    }

    private static void Signal(int process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}

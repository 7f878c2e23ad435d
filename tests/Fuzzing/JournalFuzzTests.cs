using Delos.Client.MetaStore;
using Delos.Daemon.MetaStore;
using Delos.Daemon.Storage;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// The journal of an acceptor, which nobody can repair: a damaged one either is refused, with the file and the offset, or replays a beginning of what was written that holds everything proven durable (trap 26).
/// </summary>
[Category("Trap26")]
public sealed class JournalFuzzTests
{
    private const int Rounds = 300;

    [Test]
    public async Task A_damaged_journal_is_refused_or_forgets_nothing_durable([Values("live", "restarted", "rewritten")] string kind)
    {
        using var fuzz = new JournalFuzz(await MakeAsync(kind));
        Fuzz.Run($"recovery of a journal, {kind}", Rounds, fuzz.Run, share: 1.0 / 3);
        TestContext.Out.WriteLine($"{fuzz.Refused} refused, {fuzz.Opened} opened");
        Assert.That(fuzz.Opened, Is.GreaterThan(0));
    }

    [Test]
    public async Task A_journal_that_skips_what_is_damaged_is_caught()
    {
        using var fuzz = new JournalFuzz(await MakeAsync("restarted")) { Mutant = RemoveOne };
        Fuzz.MustFail(300, "replayed", fuzz.Run);

        static void RemoveOne(List<byte[]> replayed)
        {
            if (replayed.Count > 0) replayed.RemoveAt(replayed.Count / 2);
        }
    }

    private static async Task<DiskImage> MakeAsync(string kind)
    {
        var directory = DiskImage.NewDirectory();
        try
        {
            for (var life = 0; life < (kind == "live" ? 1 : 3); life++)
            {
                using var group = new GroupCommit(LogImages.Options, NullLogger.Instance, TimeProvider.System);
                await using var journal = Journal.Open(Path.Combine(directory, "journal"), group, _ => { });
                for (var i = 0; i < 40; i++) await AppendAsync(journal, life * 1000 + i);
                if (kind == "rewritten" && life == 1) journal.Rewrite(Enumerable.Range(0, 30).Select(i => new JournalRecord(1, Record(i))));
                for (var i = 40; i < 60; i++) await AppendAsync(journal, life * 1000 + i);
                if (life == (kind == "live" ? 0 : 2)) return DiskImage.Read(directory);
            }

            throw new InvalidOperationException();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task AppendAsync(Journal journal, int number)
    {
        Assert.That(journal.TryAppend(1, Record(number), useReserve: false, out var end), Is.EqualTo(AppendStatus.Ok));
        await journal.WhenDurable(end);
    }

    private static byte[] Record(int number)
    {
        var value = new RegisterValue([new NodeEndpoint(1, Guid.Empty, "h", 1)], [new NodeEndpoint(1, Guid.Empty, "h", 1)], (ulong)number, [], new byte[number % 300]);
        return AcceptorRecord.Encode(null, new AcceptorRegister($"log/{number % 7}", new Ballot((ulong)number + 1, 5), (ulong)number + 1, new Ballot((ulong)number + 1, 5), value.Encode()));
    }

    private sealed class JournalFuzz(DiskImage image) : IDisposable
    {
        private readonly string _directory = DiskImage.NewDirectory();
        private readonly LogTruth _truth = new(image, "journal");

        public int Refused { get; private set; }

        public int Opened { get; private set; }

        public Action<List<byte[]>>? Mutant { get; init; }

        public void Run(FuzzRound round)
        {
            var damaged = image.Clone();
            var what = ImageMutator.Mutate(round.Random, damaged, _ => true);

            // A base makes everything older obsolete; what is left in the image is what counts.
            var proven = _truth.Proven(damaged);
            var written = _truth.Records.Where(r => r.Kind == RecordKind.JournalRecord).ToArray();
            damaged.Write(_directory);
            try
            {
                if (Open() is not { } first)
                {
                    Refused++;
                    return;
                }

                Opened++;
                Mutant?.Invoke(first);
                if (first.Count > written.Length || !first.Select((bytes, i) => bytes.AsSpan().SequenceEqual(written[i].Payload)).All(same => same)) throw new FuzzFailure($"the {first.Count} records replayed are not the first of the {written.Length} written", "");
                var durable = written.Count(proven.Contains);
                if (first.Count < durable) throw new FuzzFailure($"{first.Count} records are replayed, {durable} were durable", "");
                if (Open() is not { } second) throw new FuzzFailure("the second start refuses what the first one took", "");
                if (second.Count < first.Count) throw new FuzzFailure($"the second start replayed {second.Count} of {first.Count} records", "");
            }
            catch (FuzzFailure e)
            {
                throw new FuzzFailure(e.Message, what);
            }
            catch (Exception e)
            {
                throw new FuzzFailure($"{e.GetType().Name}: {e.Message}\n{e.StackTrace}", what);
            }
        }

        public void Dispose() => Directory.Delete(_directory, recursive: true);

        private List<byte[]>? Open()
        {
            var replayed = new List<byte[]>();
            var registers = new Dictionary<string, AcceptorRegister>();
            using var group = new GroupCommit(LogImages.Options, NullLogger.Instance, TimeProvider.System);
            try
            {
                var journal = Journal.Open(Path.Combine(_directory, "journal"), group, record =>
                {
                    replayed.Add(record.Payload.ToArray());
                    if (AcceptorRecord.Decode(record.Payload.Span, registers.GetValueOrDefault) is not { } register) throw new FuzzFailure("a replayed record makes no sense", record.Payload.Span);
                    registers[register.Name] = register;
                });
                journal.DisposeAsync().AsTask().GetAwaiter().GetResult();
                return replayed;
            }
            catch (StorageCorruptException e)
            {
                return File.Exists(e.File) || e.File.StartsWith(_directory, StringComparison.Ordinal) ? null : throw new FuzzFailure($"the refusal names {e.File}", "");
            }
        }
    }
}

using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// Runs a target round by round. Round r of a run with seed s is made from the number s + r alone, so a failing round is repeated by <c>DELOS_FUZZ_SEED=</c>that number
/// <c>DELOS_FUZZ_ROUNDS=1</c>. Environment:
/// <list type="bullet">
/// <item><c>DELOS_FUZZ_SEED</c>: the first round's number (1 unless given);</item>
/// <item><c>DELOS_FUZZ_ROUNDS</c>: how many rounds each target runs instead of its own number;</item>
/// <item><c>DELOS_FUZZ_SECONDS</c>: for so long instead, shared by the targets of a fixture (<c>scripts/fuzz.sh</c>).</item>
/// </list>
/// The rounds run on a thread of their own: one that does not come back within <see cref="HangLimit"/> fails the test as a hang and names its number.
/// </summary>
internal static class Fuzz
{
    public static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(30);

    public static void Run(string target, int rounds, Action<FuzzRound> round, double share = 1) => Run(
        target,
        rounds,
        r =>
        {
            round(r);
            return 1;
        },
        share);

    /// <summary><paramref name="round"/> tells how many inputs it tried; the run ends once <paramref name="inputs"/> were, or after <paramref name="share"/> of the time given.</summary>
    public static void Run(string target, long inputs, Func<FuzzRound, long> round, double share = 1)
    {
        var seed = Setting("DELOS_FUZZ_SEED") ?? 1;
        var maxRounds = Setting("DELOS_FUZZ_ROUNDS") ?? long.MaxValue;
        var seconds = Setting("DELOS_FUZZ_SECONDS") * share;
        if (seconds is not null || maxRounds != long.MaxValue) inputs = long.MaxValue;
        var watch = Stopwatch.StartNew();
        var current = new FuzzRound { Seed = seed };
        long done = 0, rounds = 0;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    for (; done < inputs && rounds < maxRounds && !(watch.Elapsed.TotalSeconds > seconds); rounds++)
                    {
                        var next = new FuzzRound { Seed = seed + rounds };
                        Volatile.Write(ref current, next);
                        Interlocked.Add(ref done, round(next));
                    }
                }
                catch (Exception e)
                {
                    failure = e;
                }
            },
            maxStackSize: 1 << 20)
        {
            IsBackground = true,
            Name = "fuzz " + target,
        };
        thread.Start();
        var before = current;
        while (!thread.Join(HangLimit))
        {
            var now = Volatile.Read(ref current);
            if (ReferenceEquals(now, before)) Assert.Fail($"{target}: a round hangs for more than {HangLimit.TotalSeconds} s. {Replay(now)}");
            before = now;
        }

        if (failure is not null)
        {
            TestContext.Out.WriteLine($"{target}: {failure.GetType().Name}: {failure.Message}\n{Replay(current)}");
            if (failure is FuzzFailure or AssertionException) Assert.Fail($"{target}: {failure.Message}\n{Replay(current)}");
            ExceptionDispatchInfo.Capture(failure).Throw();
        }

        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target}: {done} inputs in {rounds} rounds from seed {seed}, {watch.Elapsed.TotalSeconds:F1} s, {done / watch.Elapsed.TotalSeconds:F0}/s"));
        Assert.That(done, Is.GreaterThan(0));
    }

    /// <summary>For the mutants of a target: it must fail within so many rounds, by a judgement that says <paramref name="by"/>, a regular expression.</summary>
    public static void MustFail(int rounds, [StringSyntax(StringSyntaxAttribute.Regex)] string by, Action<FuzzRound> round)
    {
        for (var seed = 1; seed <= rounds; seed++)
        {
            try
            {
                round(new FuzzRound { Seed = seed });
            }
            catch (FuzzFailure e)
            {
                TestContext.Out.WriteLine($"caught in round {seed}: {e.Message.Split('\n')[0]}");
                Assert.That(e.Message, Does.Match(by));
                return;
            }
        }

        Assert.Fail($"{rounds} rounds did not notice the fault.");
    }

    private static string Replay(FuzzRound round) => $"Repeat it with DELOS_FUZZ_SEED={round.Seed} DELOS_FUZZ_ROUNDS=1.";

    private static long? Setting(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? long.Parse(text, CultureInfo.InvariantCulture) : null;
}

/// <summary>One round: its number, and the randomness drawn from it.</summary>
internal sealed class FuzzRound
{
    private FuzzRandom? _random;

    public required long Seed { get; init; }

    public FuzzRandom Random => _random ??= new FuzzRandom(Seed);

    public static void Check(bool holds, string what, ReadOnlySpan<byte> input)
    {
        if (!holds) throw new FuzzFailure(what, input);
    }
}

/// <summary>A target did what it must not do.</summary>
internal sealed class FuzzFailure(string what, string input) : Exception(input.Length == 0 ? what : $"{what}\ninput: {input}")
{
    private const int Shown = 4096;

    public FuzzFailure(string what, ReadOnlySpan<byte> input)
        : this(what, Hex(input))
    {
    }

    private static string Hex(ReadOnlySpan<byte> input) =>
        $"{input.Length} bytes {Convert.ToHexStringLower(input[..Math.Min(input.Length, Shown)])}{(input.Length > Shown ? "…" : "")}";
}

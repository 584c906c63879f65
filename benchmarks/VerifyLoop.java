import com.android.apksig.ApkVerifier;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * apksig warm in one JVM: for each line of standard input, verify every APK named, by that many threads, and print
 * nanoseconds and verdicts.
 */
public final class VerifyLoop {
    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        int minSdk = Integer.parseInt(arguments[1]);
        List<Callable<Boolean>> verifications = new ArrayList<>();
        for (String path : Arrays.asList(arguments).subList(2, arguments.length)) {
            verifications.add(() -> verifies(path, minSdk));
        }
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            StringBuilder verdicts = new StringBuilder();
            long begin = System.nanoTime();
            if (threads == 1) {
                for (Callable<Boolean> verification : verifications) {
                    verdicts.append(verification.call() ? '1' : '0');
                }
            } else {
                for (Future<Boolean> verdict : executor.invokeAll(verifications)) {
                    verdicts.append(verdict.get() ? '1' : '0');
                }
            }
            System.out.println((System.nanoTime() - begin) + " " + verdicts);
        }
        executor.shutdown();
    }

    private static boolean verifies(String path, int minSdk) throws Exception {
        ApkVerifier.Builder builder = new ApkVerifier.Builder(new File(path));
        if (minSdk > 0) {
            builder.setMinCheckedPlatformVersion(minSdk);
        }
        return builder.build().verify().isVerified();
    }
}
